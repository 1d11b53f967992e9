/** Numbers at which readers break: ends of widths, and their neighbours. */
const EDGES = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 32n,
  1n << 53n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
]

/** A generator of 32-bit numbers (mulberry32), so that a seed names an input. @param {number} seed @returns {(below: number) => number} */
export function randomBelow(seed) {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/**
 * A damaged copy: bits turned, numbers put to their edges, pieces cut, doubled and moved. Most damage falls into the first KiB, where
 * headers are.
 * @param {Uint8Array} bytes
 * @param {number} seed the same seed makes the same damage
 * @returns {Uint8Array}
 */
export function mutate(bytes, seed) {
  const below = randomBelow(seed)
  let copy = bytes.slice()
  const place = () => below(below(4) > 0 ? Math.min(1024, copy.length) : copy.length)
  for (let left = 1 + below(4); left > 0 && copy.length > 0; left--) {
    const at = place()
    switch (below(6)) {
      case 0:
        copy[at] ^= 1 << below(8)
        break
      case 1:
        copy[at] = below(256)
        break
      case 2: {
        const width = [1, 2, 4, 8][below(4)]
        let value = EDGES[below(EDGES.length)]
        for (let i = at; i < Math.min(at + width, copy.length); i++, value >>= 8n) copy[i] = Number(value & 0xffn)
        break
      }
      case 3:
        copy = copy.slice(0, at)
        break
      case 4:
        copy.copyWithin(at, place(), at + below(64))
        break
      default:
        copy = Uint8Array.from([...copy.subarray(0, at), ...copy.subarray(Math.max(0, at - below(64)))])
    }
  }
  return copy
}
