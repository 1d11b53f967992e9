import { open, readFile, rename, rm } from 'node:fs/promises'
import { G3Error, isG3Error } from '@g3/backend'

/**
 * Writes a file that is there wholly or not at all, however the process ends: what was there stays until all is on the disk.
 * @throws G3Error `cli/unwritable-file`
 */
export async function writeWholeFile(path: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const part = `${path}.${process.pid}.part`
  try {
    await using file = await open(part, 'w')
    await file.writeFile(bytes)
    await file.sync()
    await rename(part, path)
  } catch (cause) {
    await rm(part, { force: true })
    // What makes the bytes may have failed, or was stopped.
    if (isG3Error(cause) || !(cause instanceof Error && 'syscall' in cause)) throw cause
    throw new G3Error('cli/unwritable-file', `${path} cannot be written: ${cause.message}; what was there is untouched`, {
      cause,
    })
  }
}

/** The bytes of a file; undefined where there is none. @throws G3Error `cli/unreadable-file` */
export async function readFileIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new G3Error('cli/unreadable-file', `${path} cannot be read: ${why}`, { cause })
  }
}

/** The bytes of a file that must be there. @throws G3Error `cli/missing-file`, `cli/unreadable-file` */
export async function readWholeFile(path: string): Promise<Uint8Array> {
  const bytes = await readFileIfThere(path)
  if (bytes === undefined) throw new G3Error('cli/missing-file', `there is no file ${path}`)
  return bytes
}
