import { expect, it } from 'vitest'
import { xxh32 } from './xxh32.js'

/** The bytes that xxHash tests itself with (xxhsum's sanity check). */
function sanityBytes(count: number): Uint8Array {
  let state = 2654435761
  return Uint8Array.from({ length: count }, () => {
    const byte = state >>> 24
    state = Math.imul(state, state)
    return byte
  })
}

it.each([
  [0, 0, 0x02cc5d05],
  [0, 2654435761, 0x36b78ae7],
  [1, 0, 0xb85cbee5],
  [1, 2654435761, 0xd5845d64],
  [14, 0, 0xe5aa0ab4],
  [14, 2654435761, 0x4481951d],
  [101, 0, 0x1f1aa412],
  [101, 2654435761, 0x498ec8e2],
])('%i bytes with the seed %i', (count, seed, hash) => {
  expect(xxh32(sanityBytes(count), seed)).toBe(hash)
})

it('does not depend on where the bytes begin in their buffer', () => {
  const bytes = sanityBytes(101)
  const moved = new Uint8Array(200).subarray(3, 104)
  moved.set(bytes)
  expect(xxh32(moved)).toBe(xxh32(bytes))
})
