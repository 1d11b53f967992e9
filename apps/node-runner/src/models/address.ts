import { G3Error } from '@g3/backend'
import { cacheFolder, modelPath, urlModelName, type Environment } from './cache.js'
import { urlFile } from './hub.js'
import { MODELS } from './registry.js'
import type { RemoteFile } from './remote.js'

export const isAddress = (wanted: string): boolean => /^https?:\/\//i.test(wanted)

/** The file behind an address, and where the cache keeps it. @throws G3Error `models/bad-address` */
export function fileAt(address: string, env: Environment): { readonly file: RemoteFile; readonly path: string } {
  if (!URL.canParse(address)) throw new G3Error('models/bad-address', `${address} is no address that can be opened`)
  const url = new URL(address)
  const name = safeFileName(url)
  return { file: urlFile(url, name, env), path: modelPath(cacheFolder(env), urlModelName(url), name) }
}

/** What to say of a name that is neither a model's nor a file's. */
export function noSuchModel(wanted: string): G3Error {
  const names = MODELS.map(({ name }) => name).join(', ')
  if (/[/\\]|\.gguf$/i.test(wanted)) {
    const message = `there is no file ${wanted}; give a GGUF file, an address, or one of ${names}`
    return new G3Error('models/no-file', message)
  }
  return new G3Error('models/unknown-name', `there is no model or file called ${wanted}; models are ${names}`)
}

/** The last part of an address's path as a plain file name. */
function safeFileName(url: URL): string {
  const last = url.pathname.slice(url.pathname.lastIndexOf('/') + 1)
  const plain = last
    .replaceAll(/[^\w.-]+/g, '_')
    .replace(/^\.+/, '')
    .slice(0, 120)
  return /\.gguf$/i.test(plain) ? plain : `${plain || 'model'}.gguf`
}
