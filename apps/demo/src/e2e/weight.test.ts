import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { builtSite } from '../testing/built-site.js'

let site: Awaited<ReturnType<typeof builtSite>>
beforeAll(async () => void (site = await builtSite()), 90_000)
afterAll(() => site[Symbol.dispose]())

const assets = (): readonly string[] => readdirSync(join(site.folder, 'assets')).filter((name) => name.endsWith('.js'))
const text = (name: string): string => readFileSync(join(site.folder, 'assets', name), 'utf8')

/** Files, and those that they import before they run. */
function withImports(names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>()
  const add = (name: string): void => {
    if (found.has(name)) return
    found.add(name)
    for (const [, next] of text(name).matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) if (next) add(next)
  }
  names.forEach(add)
  return found
}

const gzipped = (names: Iterable<string>): number =>
  Array.from(names).reduce((sum, name) => sum + gzipSync(text(name), { level: 9 }).length, 0)

/** The files that hold a word of the source which no build changes. */
const holding = (word: string): readonly string[] => assets().filter((name) => text(name).includes(word))

it('weighs little before a model: what a first visit to the chat loads, and what a model then needs', () => {
  const [shell] = readFileSync(join(site.folder, 'index.html'), 'utf8').match(/assets\/index-[^"]+\.js/) ?? []
  const chat = assets().filter((name) => name.startsWith('chat-'))
  const visit = gzipped(withImports([shell?.replace('assets/', '') ?? '', ...chat]))

  const [program] = holding('belongs into the program of a worker')
  // The page has the CPU's kernels once more, for what a model would take.
  const ofProgram = withImports(program === undefined ? [] : [program])
  const isOfWorker = (name: string): boolean => Array.from(ofProgram).some((file) => text(file).includes(name))
  const engine = (...words: string[]): number =>
    gzipped(new Set([...ofProgram, ...withImports(words.flatMap(holding).filter(isOfWorker))]))
  const relaxed = assets().filter((name) => name.startsWith('relaxed-'))
  const cpu = engine('rebuild @g3/kernels-cpu') + gzipped(relaxed)
  const gpu = engine('maxStorageBufferBindingSize')
  console.log(`JavaScript, gzip: a first visit ${visit}, the engine on the CPU ${cpu}, on WebGPU ${gpu} bytes`)
  expect(visit).toBeGreaterThan(20_000)
  // As many as there are, and none forgotten.
  expect(relaxed).toHaveLength(1)
  expect(Math.min(cpu, gpu)).toBeGreaterThan(90_000)
  expect(visit).toBeLessThan(62_000)
  expect(cpu).toBeLessThan(144_000)
  expect(gpu).toBeLessThan(118_000)
})
