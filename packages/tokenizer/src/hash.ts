/**
 * A polynomial hash over bytes, modulo 2^32: hash(b0 b1 … bn) = (b0 + 1)·B^n + … + (bn + 1).
 * The hash of any substring follows from two prefix hashes (`spanHash`), so a candidate merge is looked up without
 * reading its bytes. It only selects candidates: every hit is compared byte by byte.
 */
const BASE = 0x2c9277b5

/** Hash of `hash`'s string with one byte appended. The empty string hashes to 0. */
export const extend = (hash: number, byte: number): number => (Math.imul(hash, BASE) + byte + 1) | 0

/** BASE^0 … BASE^count, for {@link spanHash}. */
export function powers(count: number): Int32Array {
  const table = new Int32Array(count + 1)
  table[0] = 1
  for (let i = 1; i <= count; i++) table[i] = Math.imul(table[i - 1], BASE)
  return table
}

/** Hash of s[start .. end) from prefix hashes: prefix[i] = hash(s[0 .. i)). `power` = BASE^(end - start). */
export const spanHash = (prefix: Int32Array, start: number, end: number, power: number): number =>
  (prefix[end] - Math.imul(prefix[start], power)) | 0

/** Spreads a hash over all 32 bits (Fibonacci hashing: the low bits alone are weak); tables use the top ones. */
export const spread = (hash: number): number => Math.imul(hash ^ (hash >>> 15), 0x9e3779b1)

/** Bits of a table's slot number such that `count` entries fill at most half of it. */
export const tableBits = (count: number): number => Math.max(4, 32 - Math.clz32(Math.max(1, 2 * count - 1)))

/**
 * How far an entry may lie from its own slot. Tables are at most half full, so chance never gets near; only entries
 * made to collide do, and they are refused, so that no look-up takes longer.
 */
export const MAX_PROBES = 512
