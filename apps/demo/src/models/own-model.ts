import { G3Error } from '@g3/backend'
import type { ModelChoice } from '../engine/engine.js'
import type { DownloadWish } from '../store/models.js'

/** What llama.cpp's tools call image encoders. */
const IS_MMPROJ = /mmproj/i

/** A model of one or two files of the device. @throws G3Error `demo/which-file` */
export function choiceOfFiles(files: readonly File[]): ModelChoice {
  const models = files.filter(({ name }) => /\.gguf$/i.test(name) && !IS_MMPROJ.test(name))
  const encoders = files.filter(({ name }) => IS_MMPROJ.test(name))
  const [model, second] = models
  const [mmproj, third] = encoders
  if (model === undefined || second !== undefined || third !== undefined) {
    const message = 'choose one GGUF file of a model, and at most one mmproj file with it (its name has "mmproj")'
    throw new G3Error('demo/which-file', message)
  }
  // Another file of the same name is another model.
  const id = `file-${idText(model.name)}-${model.size}-${model.lastModified}`
  return { id, title: titleText(model.name), source: model, ...(mmproj && { mmproj }) }
}

/** A download of any address. @throws G3Error `demo/bad-address` */
export function wishOfAddress(address: string): DownloadWish {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new G3Error('demo/bad-address', 'this is no address of a file: it begins with https://')
  }
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1) || url.host
  return { id: `url-${idText(name)}-${textHash(url.href)}`, title: titleText(name), url: url.href, bytes: 0 }
}

const titleText = (name: string): string => name.replace(/\.gguf$/i, '')

/** For names of folders. */
const idText = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 60)

/** FNV-1a, 32 bits: tells addresses apart that end alike. */
function textHash(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(36)
}
