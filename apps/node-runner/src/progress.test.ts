import { expect, it } from 'vitest'
import { pictureProgress } from './progress.js'

const stream = (isTTY: boolean) => {
  const written: string[] = []
  return { written, isTTY, write: (text: string | Uint8Array) => written.push(String(text)) > 0 }
}
/** What a terminal's line shows in the end. */
const line = (written: readonly string[]): string => written.join('').split('\r\x1b[K').at(-1) ?? ''

it('tells picture and layer on a terminal, and leaves the line empty', () => {
  const out = stream(true)
  {
    using progress = pictureProgress(2, out)
    expect(line(out.written)).toBe('reading picture 1/2 …')
    progress.encoded(26, 27)
    expect(line(out.written)).toBe('reading picture 1/2 … layer 26/27')
    progress.encoded(27, 27)
    progress.encoded(12, 27)
    expect(line(out.written)).toBe('reading picture 2/2 … layer 12/27')
    progress.read(512, 600)
    expect(line(out.written)).toBe('reading picture 2/2 … layer 12/27')
    progress.read(600, 600)
    expect(line(out.written)).toBe('')
    progress.encoded(13, 27)
  }
  expect(line(out.written)).toBe('')
})

it.each([
  ['no terminal', stream(false), 2],
  ['no picture', stream(true), 0],
])('writes nothing where there is %s', (_, out, pictures) => {
  using progress = pictureProgress(pictures, out)
  progress.encoded(1, 27)
  progress.read(1, 1)
  expect(out.written).toEqual([])
})
