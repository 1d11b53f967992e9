import { describe, expect, it } from 'vitest'
import { verdictOf } from './fit.js'
import { choiceOfFiles, wishOfAddress } from './own-model.js'

const file = (name: string): File => new File(['x'], name, { lastModified: 7 })

describe('files of the device', () => {
  it('are a model, or a model and what it sees with, in any order', () => {
    expect(choiceOfFiles([file('Gemma.GGUF')])).toMatchObject({ title: 'Gemma', id: 'file-gemma-gguf-1-7' })
    const both = choiceOfFiles([file('mmproj-a.gguf'), file('a.gguf')])
    expect(both).toMatchObject({ source: { name: 'a.gguf' }, mmproj: { name: 'mmproj-a.gguf' } })
  })

  it.each([[['a.txt']], [['a.gguf', 'b.gguf']], [['mmproj.gguf']], [['a.gguf', 'mmproj-1.gguf', 'mmproj-2.gguf']]])(
    'are refused where they are %s',
    (names) => {
      expect(() => choiceOfFiles(names.map(file))).toThrow(expect.objectContaining({ code: 'demo/which-file' }))
    },
  )
})

describe('an address', () => {
  it('names a folder of its own, however alike others end', () => {
    const [one, two] = ['https://a/m.gguf', 'https://b/m.gguf'].map(wishOfAddress)
    expect(one).toMatchObject({ title: 'm', url: 'https://a/m.gguf' })
    expect(one?.id).toMatch(/^url-m-gguf-[a-z0-9]+$/)
    expect(one?.id).not.toBe(two?.id)
  })

  it.each(['', 'm.gguf', 'javascript:alert(1)', 'file:///m.gguf'])('is refused where it is "%s"', (address) => {
    expect(() => wishOfAddress(address)).toThrow(expect.objectContaining({ code: 'demo/bad-address' }))
  })
})

it('says of a model whether a device holds it', () => {
  const GiB = 2 ** 30
  expect(verdictOf(1 * GiB, 4 * GiB)).toBe('fits')
  expect(verdictOf(3 * GiB, 4 * GiB)).toBe('tight')
  expect(verdictOf(5 * GiB, 4 * GiB)).toBe('too-large')
  // Browsers that say 8 may mean more.
  expect(verdictOf(12 * GiB, 8 * GiB)).toBe('unknown')
  expect(verdictOf(1 * GiB, undefined)).toBe('unknown')
})
