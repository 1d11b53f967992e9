import { basename } from 'node:path'
import { httpSource, type ByteSource } from '@g3/runtime/gguf'
import { openModelFile } from '../loading.js'
import { fileAt, isAddress, noSuchModel } from './address.js'
import { isFile, type Environment } from './cache.js'
import { hubFile } from './hub.js'
import { cachedModel } from './list.js'
import { DEFAULT_MODEL, entryNamed, modelNamed, type HubFile, type ModelOrigin } from './registry.js'
import type { RemoteFile } from './remote.js'

/** A model's file where it is: on this machine, or elsewhere. */
export type Located = { readonly path: string } | { readonly remote: RemoteFile }

const isHubFile = (origin: ModelOrigin): origin is HubFile => origin.kind === 'hub'

/**
 * Finds what `resolveModel` would bring here, and leaves it where it is: in the cache, on disk, or on the net.
 * @param log told in a line where the file on the hub is not the one that a download would bring first
 * @throws G3Error `models/unknown-name`, `models/no-file`, `models/bad-address`, `models/bad-hub`
 */
export async function locateModel(
  wanted: string | undefined,
  env: Environment,
  log: (line: string) => void,
): Promise<Located> {
  if (wanted !== undefined && isAddress(wanted)) {
    const { file, path } = fileAt(wanted, env)
    return (await isFile(path)) ? { path } : { remote: file }
  }
  const entry = wanted === undefined ? entryNamed(DEFAULT_MODEL) : modelNamed(wanted)
  if (entry) {
    const path = await cachedModel(entry, env)
    if (path !== undefined) return { path }
    const origin = entry.origins.find(isHubFile)
    if (!origin) throw noSuchModel(entry.name)
    if (origin !== entry.origins[0]) {
      log(`${entry.name} is downloaded from packages, whose parts tell no header: this is for ${origin.file} of ${origin.repo}`)
    }
    return { remote: hubFile(origin, env) }
  }
  if (wanted !== undefined && (await isFile(wanted))) return { path: wanted }
  throw noSuchModel(wanted ?? DEFAULT_MODEL)
}

/**
 * Opens a file where it is. From elsewhere only what is read travels.
 * @throws G3Error `cli/…` and `gguf/http-…`
 */
export async function openLocated(located: Located, signal: AbortSignal): Promise<ByteSource> {
  if ('path' in located) return openModelFile(located.path)
  const { url, hub } = located.remote
  // Fetch drops this header where a redirect leaves the hub.
  const headers = hub?.token && url.origin === hub.origin ? { authorization: `Bearer ${hub.token}` } : {}
  return httpSource(url.href, { headers, signal })
}

/** What people call it. */
export const locatedName = (located: Located): string =>
  'path' in located ? basename(located.path) : located.remote.name
