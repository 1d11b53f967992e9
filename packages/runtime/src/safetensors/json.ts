import { check, G3Error } from '@g3/backend'
import type { ByteSource } from '../gguf/byte-source.js'

export interface JsonLimits {
  readonly bytes: number
  /** Objects and arrays in each other, the outermost counted. */
  readonly depth: number
}

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads a whole file that holds a JSON object. @throws G3Error `safetensors/bad-json`, `safetensors/json-too-large` */
export async function readJsonFile(
  source: ByteSource,
  limits: JsonLimits,
  signal: AbortSignal | undefined,
): Promise<JsonObject> {
  check(
    source.size <= limits.bytes,
    'safetensors/json-too-large',
    () =>
      `${source.name} has ${source.size} bytes, more than the ${limits.bytes} that such a file needs: it is damaged`,
  )
  const bytes = new Uint8Array(source.size)
  await source.read(0, bytes, signal)
  return parseJson(bytes, source.name, limits.depth)
}

/** @throws G3Error `safetensors/bad-json` for what is no UTF-8, no JSON, no object, or nested deeper than `depth` */
export function parseJson(bytes: Uint8Array, name: string, depth: number): JsonObject {
  checkDepth(bytes, name, depth)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new G3Error('safetensors/bad-json', `${name} is no JSON text in UTF-8: it is damaged, fetch it again`, {
      cause,
    })
  }
  check(
    isObject(value),
    'safetensors/bad-json',
    () => `${name} holds JSON that is no object: it is damaged, fetch it again`,
  )
  return value
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Brackets outside of strings. A megabyte of them would become a hundred megabytes of objects. */
function checkDepth(bytes: Uint8Array, name: string, limit: number): void {
  let depth = 0
  let isText = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (isText) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) isText = false
    } else if (byte === QUOTE) isText = true
    // Opening brackets are [ and {, closing ones two above.
    else if ((byte | 0x20) === 0x7b) depth++
    else if ((byte | 0x20) === 0x7d) depth--
    if (depth > limit) {
      throw new G3Error(
        'safetensors/bad-json',
        `${name} nests values deeper than ${limit}: it is damaged, fetch it again`,
      )
    }
  }
}
