/** A seeded stream of numbers, the same on every machine, whose state can be kept and taken up again. */
export interface Random {
  /** Uniform in [0, 1), a multiple of 2⁻³². */
  uniform(): number
  /** Whole number in [0, end). */
  below(end: number): number
  /** The values in another order. */
  shuffle(values: Int32Array): void
  state(): number
}

/** Mulberry32: a counter whose steps are scrambled. @param state of a stream before, or a seed */
export function random(state: number): Random {
  let at = state >>> 0
  const uniform = (): number => {
    at = (at + 0x6d2b79f5) >>> 0
    let x = Math.imul(at ^ (at >>> 15), at | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (end: number): number => Math.floor(uniform() * end)
  return {
    uniform,
    below,
    shuffle(values) {
      for (let i = values.length - 1; i > 0; i--) {
        const j = below(i + 1)
        ;[values[i], values[j]] = [values[j], values[i]]
      }
    },
    state: () => at,
  }
}
