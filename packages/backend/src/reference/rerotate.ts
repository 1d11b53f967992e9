import type { CacheType } from '../contract.js'
import { ropeAngle } from '../rope.js'
import type { LayerCache } from './matrix.js'
import { put } from './store.js'

/** The pairs (j, j + headDim/2) of each head of key[slots[r]] turn back by distances[r] · frequencies[j]. */
export function rerotate(
  rows: number,
  distances: Int32Array,
  slots: Int32Array,
  { keys }: LayerCache,
  type: CacheType,
  frequencies: Float32Array,
): void {
  const pairs = frequencies.length
  for (let r = 0; r < rows; r++) {
    const key = keys.values.slice(slots[r] * keys.cols, (slots[r] + 1) * keys.cols)
    for (let at = 0; at < key.length; at += 2 * pairs) {
      for (let j = 0; j < pairs; j++) {
        const angle = ropeAngle(distances[r], frequencies[j])
        const [a, b] = [key[at + j], key[at + pairs + j]]
        key[at + j] = a * Math.cos(angle) + b * Math.sin(angle)
        key[at + pairs + j] = b * Math.cos(angle) - a * Math.sin(angle)
      }
    }
    put(key, keys, slots[r], type)
  }
}
