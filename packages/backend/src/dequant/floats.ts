import { fromBfloat } from '../half.js'
import { half } from './decode-block.js'

export function decodeF32(block: DataView, at: number, out: Float32Array, to: number): void {
  out[to] = block.getFloat32(at, true)
}

export function decodeF16(block: DataView, at: number, out: Float32Array, to: number): void {
  out[to] = half(block, at)
}

export function decodeBF16(block: DataView, at: number, out: Float32Array, to: number): void {
  out[to] = fromBfloat(block.getUint16(at, true))
}
