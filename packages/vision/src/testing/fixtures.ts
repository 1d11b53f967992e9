import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A file of the package's fixtures. */
export const fixture = (path: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/${path}`, import.meta.url)))

/** One JSON value a line. */
export const fixtureLines = <T>(path: string): T[] =>
  new TextDecoder()
    .decode(fixture(path))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)

export const sha256 = (data: Uint8Array | Float32Array): string => createHash('sha256').update(data).digest('hex')

export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'base64'))
