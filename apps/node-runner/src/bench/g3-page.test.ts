import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { CLI, TINY } from '../testing/g3.js'
import { parseEngines } from './engine-spec.js'

const PAGE = join(dirname(CLI), 'page', 'g3-page.js')

it.each([PAGE, join(dirname(PAGE), 'bench-page.js')])('%s is one file that needs no other', (path) => {
  expect(readFileSync(path, 'utf8')).not.toMatch(/\bfrom\s*["']|\bimport\s*["'(]|\brequire\(/)
})

it('a round and batches run from what a page has: a Blob', async () => {
  const { loadG3, pageHost }: typeof import('./g3-page.js') = await import(pathToFileURL(PAGE).href)
  const [engine] = parseEngines('g3:chromium:precise')
  const prompt = [2, 5, 6, 7, 8, 9]
  const gpu = { counters: false, perOp: false, copyRate: false }
  const work = { prompt, promptText: '', generate: 3, sequences: 2 }
  const job = { engine, backend: 'cpu', model: TINY, threads: 2, gpu, ...work } as const
  const model = await loadG3(pageHost(new Blob([readFileSync(TINY)])), job)
  const { prefill, decode } = await model.round()
  expect(Math.min(prefill, decode)).toBeGreaterThan(0)
  // Back from a longer text, on to a longer one, and back again.
  for (const context of [4, 6, 2]) expect(await model.decode(2, context)).toBeGreaterThan(0)
  await model.dispose()
})
