/**
 * xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021) from four words of state,
 * not all zero. Integers only, so every machine gives the same stream.
 * @returns a function that gives the next 32 bits, unsigned
 */
export function xoshiro128(a: number, b: number, c: number, d: number): () => number {
  return () => {
    const scrambled = Math.imul(b, 5)
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return result >>> 0
  }
}

/**
 * A stream of 32 random bits at a time, the same for a seed on every machine: {@link xoshiro128}, its state filled by
 * SplitMix32 from the seed's low 32 and high 21 bits.
 * @param seed whole number from 0 to 2^53 - 1
 */
export function words(seed: number): () => number {
  let mix = ((seed % 2 ** 32) | 0) ^ Math.imul(Math.floor(seed / 2 ** 32), 0x85ebca6b)
  const word = (): number => {
    mix = (mix + 0x9e3779b9) | 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return z ^ (z >>> 15)
  }
  return xoshiro128(word(), word(), word(), word())
}
