import { expect, it } from 'vitest'
import { checksum } from './checksum.js'

it('is FNV-1a of the ids as little-endian words', () => {
  expect(checksum([])).toBe('811c9dc5')
  // The bytes of "foobar!!".
  expect(checksum([0x626f6f66, 0x21217261])).toBe(fnv1a('foobar!!'))
  expect(checksum([1, 2])).not.toBe(checksum([2, 1]))
})

/** As its authors define it, over bytes. */
function fnv1a(text: string): string {
  let hash = 2166136261n
  for (const byte of new TextEncoder().encode(text)) hash = ((hash ^ BigInt(byte)) * 16777619n) % 2n ** 32n
  return hash.toString(16).padStart(8, '0')
}
