const P1 = 0x9e3779b1 | 0
const P2 = 0x85ebca77 | 0
const P3 = 0xc2b2ae3d | 0
const P4 = 0x27d4eb2f | 0
const P5 = 0x165667b1 | 0

/** Bytes of a stripe: one word for each of the four lanes. */
const STRIPE = 16

/**
 * XXH32, a fast checksum against accidents, not against forgery.
 * Specification: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 * @returns an unsigned 32-bit number
 */
export function xxh32(bytes: Uint8Array, seed = 0): number {
  const { byteLength } = bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, byteLength)
  let at = 0
  let hash = (seed + P5) | 0
  if (byteLength >= STRIPE) {
    let a = (seed + P1 + P2) | 0
    let b = (seed + P2) | 0
    let c = seed | 0
    let d = (seed - P1) | 0
    for (; at + STRIPE <= byteLength; at += STRIPE) {
      a = lane(a, view.getInt32(at, true))
      b = lane(b, view.getInt32(at + 4, true))
      c = lane(c, view.getInt32(at + 8, true))
      d = lane(d, view.getInt32(at + 12, true))
    }
    hash = (rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18)) | 0
  }
  hash = (hash + byteLength) | 0
  for (; at + 4 <= byteLength; at += 4) {
    hash = Math.imul(rotl((hash + Math.imul(view.getInt32(at, true), P3)) | 0, 17), P4)
  }
  for (; at < byteLength; at++) hash = Math.imul(rotl((hash + Math.imul(bytes[at], P5)) | 0, 11), P1)
  hash = Math.imul(hash ^ (hash >>> 15), P2)
  hash = Math.imul(hash ^ (hash >>> 13), P3)
  return (hash ^ (hash >>> 16)) >>> 0
}

const lane = (sum: number, word: number): number => Math.imul(rotl((sum + Math.imul(word, P2)) | 0, 13), P1)

const rotl = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))
