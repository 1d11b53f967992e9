import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { builtSite } from '../testing/built-site.js'

/** Decoders of images that are fetched when the first image of their kind is shown; no page's weight. */
const IS_DECODER = /avif|webp|jpeg|png-|gif-|cmyk/
/** The engine: the worker's program, and the kernels that it fetches one of. */
const IS_ENGINE = /^(?:worker|dist|relaxed|plain)-/

let site: Awaited<ReturnType<typeof builtSite>>
beforeAll(async () => void (site = await builtSite()), 60_000)
afterAll(() => site[Symbol.dispose]())

const gzipped = (isCounted: (name: string) => boolean): number =>
  readdirSync(join(site.folder, 'assets'))
    .filter((name) => name.endsWith('.js') && !IS_DECODER.test(name) && isCounted(name))
    .reduce((sum, name) => sum + gzipSync(readFileSync(join(site.folder, 'assets', name))).length, 0)

it('weighs what was agreed on', () => {
  const pages = gzipped((name) => !IS_ENGINE.test(name))
  const engine = gzipped((name) => IS_ENGINE.test(name))
  console.log(`gzip: pages ${pages}, engine ${engine} bytes`)
  expect(pages).toBeLessThan(85_000)
  expect(engine).toBeLessThan(250_000)
})
