import type { FileMark } from './transfer.js'

/** What is kept beside a model's file. */
export interface ModelRecord {
  readonly id: string
  readonly title: string
  readonly url: string
  /** Which file the bytes belong to, once a server has said so. */
  readonly mark?: FileMark
  /** Of the whole file, once all of it came. */
  readonly sha256?: string
}

/** A record as it was written; undefined for anything else, as half a file or one of an older site would be. */
export function parseRecord(text: string, id: string): ModelRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(value) || value.id !== id || typeof value.title !== 'string' || typeof value.url !== 'string') {
    return undefined
  }
  const { title, url, mark, sha256 } = value
  return {
    id,
    title,
    url,
    ...(isMark(mark) && { mark }),
    ...(typeof sha256 === 'string' && { sha256 }),
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const isMark = (value: unknown): value is FileMark =>
  isObject(value) &&
  Number.isSafeInteger(value.size) &&
  ['string', 'undefined'].includes(typeof value.validator) &&
  ['string', 'undefined'].includes(typeof value.sha256)
