import { G3Error } from '@g3/backend'
import type { Environment } from './cache.js'
import type { HubFile } from './registry.js'
import type { Hub, RemoteFile } from './remote.js'

const DEFAULT_HUB = 'https://huggingface.co'

/** The hub's address: `G3_HUB` or the public one. @throws G3Error `models/bad-hub` */
export function hubAddress(env: Environment): URL {
  const address = env.G3_HUB || DEFAULT_HUB
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new G3Error(
      'models/bad-hub',
      `G3_HUB is ${JSON.stringify(address)}, not an address that starts with https:// or http://`,
    )
  }
  return url
}

export function hubFile(origin: HubFile, env: Environment): RemoteFile {
  const hub = hubAddress(env)
  const base = hub.href.replace(/\/+$/, '')
  return {
    url: new URL(`${base}/${origin.repo}/resolve/main/${origin.file}`),
    name: origin.file,
    hub: withToken(hub, env),
  }
}

/** A file at any address. The hub's own gets the hub's token. */
export function urlFile(url: URL, name: string, env: Environment): RemoteFile {
  const hub = hubAddress(env)
  return url.origin === hub.origin ? { url, name, hub: withToken(hub, env) } : { url, name }
}

const withToken = (hub: URL, env: Environment): Hub => ({
  origin: hub.origin,
  token: env.HF_TOKEN?.trim() || undefined,
})
