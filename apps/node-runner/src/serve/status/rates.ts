/** Counts since a server's start, at a time in milliseconds. */
export interface Sample {
  readonly timeMs: number
  readonly generated: number
  readonly prompt: number
}

export interface Rates {
  /** Counts that are smaller than those before are of a server that was started again: what was before is forgotten. */
  add(sample: Sample): void
  /** Per second, over the last so many milliseconds. */
  now(of: 'generated' | 'prompt', overMs: number): number
  /** Generated per second, from one sample to the next. */
  history(): readonly number[]
}

/** Rates out of counts that are looked at now and then. @param most samples that are kept */
export function rates(most: number): Rates {
  let samples: Sample[] = []
  const between = (first: Sample, last: Sample, of: 'generated' | 'prompt'): number =>
    last.timeMs > first.timeMs ? ((last[of] - first[of]) * 1000) / (last.timeMs - first.timeMs) : 0
  return {
    add(sample) {
      const last = samples.at(-1)
      if (last && (sample.generated < last.generated || sample.prompt < last.prompt)) samples = []
      samples.push(sample)
      if (samples.length > most) samples.shift()
    },
    now(of, overMs) {
      const last = samples.at(-1)
      const first = last && samples.find(({ timeMs }) => timeMs >= last.timeMs - overMs)
      return first ? between(first, last, of) : 0
    },
    history: () => samples.slice(1).map((sample, i) => between(samples[i] ?? sample, sample, 'generated')),
  }
}
