import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bestPassages, passagesOf } from '../programs/passages.ts'
import { program } from './testing/program.ts'

const here = fileURLToPath(new URL('../programs', import.meta.url))
const tiny = fileURLToPath(
  new URL('../../../packages/runtime/fixtures/tiny-random/tiny-text-f32.gguf', import.meta.url),
)
let folder = ''
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'g3-examples-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (file: string, ...args: string[]): Promise<string> => program(join(here, file), args, folder)

it('asks, and leaves a text as it is with attention at temperature 1 only', async () => {
  const plain = await run('ask.ts', tiny, 'The quick brown fox')
  expect(plain.trim()).not.toBe('')
  const same = await run('tempered.ts', tiny, 'The quick brown fox', '1')
  expect(same.trim()).toBe(plain.trim())
  const flat = await run('tempered.ts', tiny, 'The quick brown fox', '50')
  expect(flat.trim()).not.toBe(plain.trim())
})

it('answers from files with JSON that names one of those it was shown', async () => {
  writeFileSync(join(folder, 'boat.md'), 'The boat lies in the harbour.\n\nIts key hangs by the door.')
  writeFileSync(join(folder, 'cat.txt'), 'The cat sleeps.')
  const answer: unknown = JSON.parse(await run('notes.ts', tiny, folder, 'Where is the key of the boat?'))
  expect(answer).toEqual({ file: expect.stringMatching(/^(boat\.md|cat\.txt)$/), answer: expect.any(String) })
  await expect(run('notes.ts', tiny, folder, 'xylophone')).rejects.toThrow('has a word of the question')
})

it('ranks passages by rare words and leaves out those without any', () => {
  const all = [...passagesOf('a', 'the sea\n\nthe key is here'), ...passagesOf('b', 'the the the sky')]
  expect(bestPassages(all, 'the key', 2).map(({ text }) => text)).toContain('the key is here')
  expect(bestPassages(all, 'the key', 2)[0]?.text).toBe('the key is here')
  expect(bestPassages(all, 'moon', 2)).toEqual([])
  expect(bestPassages([], 'moon', 2)).toEqual([])
})
