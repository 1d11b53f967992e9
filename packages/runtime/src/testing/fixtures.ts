import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Path of a file under this package's `fixtures/`. */
export const fixturePath = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url))

export const fixtureBytes = (name: string): Uint8Array<ArrayBuffer> => Uint8Array.from(readFileSync(fixturePath(name)))

/**
 * The real 270M, where `g3 pull gemma-3-270m` puts it; undefined (and said aloud) when it is not there,
 * so that tests of the real weights skip visibly.
 */
export function cachedModelPath(): string | undefined {
  const cache = process.env.G3_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'g3')
  const path = join(cache, 'models', 'gemma-3-270m', 'gemma-3-270m-q4_k_m.gguf')
  if (existsSync(path)) return path
  console.warn(`SKIPPED: tests of the real weights need ${path}; get it with: npm run g3 -- pull gemma-3-270m`)
  return undefined
}
