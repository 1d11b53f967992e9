import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { G3Error } from '@g3/backend'

/** Tells whether a bearer key is one of those that may. */
export type CheckKey = (key: string) => Promise<boolean>

const digest = (key: string): Buffer => createHash('sha256').update(key).digest()

/** Looked at again at most this often. */
const FRESH_MS = 1000

/**
 * The keys of a file, one a line; empty lines and those that begin with # say nothing. Read again when the file has
 * changed, so keys come and go without a restart. Takes the same time whichever key is right.
 * @throws G3Error `cli/bad-keys` for a file that cannot be read, or has none, at the start; later the old keys stay
 */
export async function keysOf(path: string, note: (text: string) => void): Promise<CheckKey> {
  let changed = NaN
  let looked = -Infinity
  let digests: readonly Buffer[] = []

  const read = async (): Promise<void> => {
    looked = performance.now()
    const { mtimeMs } = await stat(path)
    if (mtimeMs === changed) return
    const lines = (await readFile(path, 'utf8')).split(/\r?\n/).map((line) => line.trim())
    const keys = lines.filter((line) => line !== '' && !line.startsWith('#'))
    if (keys.length === 0) throw new Error('it has no key')
    changed = mtimeMs
    digests = keys.map(digest)
  }

  await read().catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new G3Error('cli/bad-keys', `the keys in ${path} cannot be used: ${why}`, { cause })
  })
  return async (key) => {
    if (performance.now() - looked > FRESH_MS)
      await read().catch((error: unknown) => note(`the keys of before stay: ${String(error)}`))
    const asked = digest(key)
    return digests.reduce((isRight, known) => timingSafeEqual(known, asked) || isRight, false)
  }
}
