import { open } from 'node:fs/promises'
import { G3Error } from '@g3/backend'
import { DEFAULT_LIMITS } from '@g3/vision'

/** @throws G3Error `cli/missing-file`, `cli/unreadable-file`, `vision/too-large` */
export async function readImage(path: string): Promise<Uint8Array> {
  const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new G3Error('cli/missing-file', `there is no file ${path}`, { cause })
    throw new G3Error('cli/unreadable-file', `${path} cannot be opened: ${cause.message}`, { cause })
  })
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw new G3Error('cli/unreadable-file', `${path} is no file; give the path of an image`)
    if (found.size > DEFAULT_LIMITS.maxBytes)
      throw new G3Error('vision/too-large', `${path} has ${found.size} bytes; ${DEFAULT_LIMITS.maxBytes} are allowed`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}
