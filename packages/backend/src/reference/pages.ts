import { PAGE } from '../contract.js'
import type { LayerCache, Matrix } from './matrix.js'

/** The parts of a page, in the order of its bytes: keys and values of each layer. */
const parts = (layers: readonly LayerCache[], page: number): readonly Float32Array[] =>
  layers.flatMap(({ keys, values }) => [partOf(keys, page), partOf(values, page)])

const partOf = ({ values, cols }: Matrix, page: number): Float32Array =>
  values.subarray(page * PAGE * cols, (page + 1) * PAGE * cols)

/** Page `to` becomes what page `from` is, or zeros. */
export function copyPage(layers: readonly LayerCache[], from: number | undefined, to: number): void {
  const sources = from === undefined ? [] : parts(layers, from)
  for (const [i, part] of parts(layers, to).entries()) {
    if (from === undefined) part.fill(0)
    else part.set(sources[i])
  }
}

export function readPage(layers: readonly LayerCache[], page: number, into: Uint8Array): void {
  let at = 0
  for (const part of parts(layers, page)) {
    into.set(bytesOf(part), at)
    at += part.byteLength
  }
}

export function writePage(layers: readonly LayerCache[], page: number, bytes: Uint8Array): void {
  let at = 0
  for (const part of parts(layers, page)) {
    bytesOf(part).set(bytes.subarray(at, at + part.byteLength))
    at += part.byteLength
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)
