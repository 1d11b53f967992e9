import { mkdir, open, statfs } from 'node:fs/promises'
import { G3Error } from '@g3/backend'

/** Left free on the disk. */
const MARGIN = 16 << 20

export type FreeBytes = (folder: string) => Promise<number>

export const freeBytes: FreeBytes = async (folder) => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** @throws G3Error `models/disk-full` unless `bytes` fit into `folder` */
export async function checkRoom(folder: string, bytes: number, free: FreeBytes = freeBytes): Promise<void> {
  const available = await free(folder).catch((cause: unknown) => {
    throw storeFailure(folder, cause)
  })
  if (available >= bytes + MARGIN) return
  throw new G3Error(
    'models/disk-full',
    `${megabytes(bytes)} are needed in ${folder} and ${megabytes(available)} are free; make room, or set G3_CACHE to another folder`,
  )
}

export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw storeFailure(folder, cause)
  })
}

/** Makes a rename last through a power cut, where the system can (Windows cannot open folders). */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A failure of the disk as a {@link G3Error} that says what to do; other things pass unchanged. */
export function storeFailure(place: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new G3Error(
      'models/disk-full',
      `no room is left for ${place}; make room, or set G3_CACHE to another folder`,
      { cause },
    )
  }
  if (cause instanceof Error && typeof code === 'string' && !(cause instanceof G3Error)) {
    return new G3Error(
      'models/cache',
      `cannot write ${place} (${code}); mend its permissions, or set G3_CACHE to another folder`,
      { cause },
    )
  }
  return cause
}

export const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`
