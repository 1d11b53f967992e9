import type { PackedTensor } from '@g3/backend'
import { xxh32 } from '@g3/kv-cache'

/** Names a model or an image encoder by what it computes: its configuration, and how each of its tensors begins. */
export interface Fingerprint {
  /** The same tensor; what is read of it is noted. */
  of(tensor: PackedTensor): PackedTensor
  /** Once all tensors are loaded: 16 hexadecimal digits. */
  name(): string
}

/** Bytes at the start of each tensor that count. */
const SAMPLE = 256
const SEEDS = [0, 0x9e3779b1] as const

/**
 * Not a cryptographic hash: it tells models apart whose caches must not be mixed up, fine-tunes of one model among
 * them. In the order of nothing, for tensors may be read in any.
 */
export function fingerprint(config: object): Fingerprint {
  const sums = SEEDS.map(() => 0)
  const add = (label: string, bytes: Uint8Array): void => {
    const text = new TextEncoder().encode(label)
    for (const [i, seed] of SEEDS.entries()) sums[i] = (sums[i] + xxh32(bytes, xxh32(text, seed))) >>> 0
  }
  add('config', new TextEncoder().encode(JSON.stringify(config)))
  return {
    of: ({ name, type, rows, cols, read }) => ({
      name,
      type,
      rows,
      cols,
      async read(offset, into, signal) {
        await read(offset, into, signal)
        if (offset === 0) add(`${name} ${type} ${rows}x${cols}`, into.subarray(0, SAMPLE))
      },
    }),
    name: () => sums.map((sum) => sum.toString(16).padStart(8, '0')).join(''),
  }
}
