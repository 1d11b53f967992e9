/** Times of an answer in milliseconds: from the place until its first token, and from the request until its end. */
export interface AnswerTimes {
  readonly firstTokenMs: number
  readonly answerMs: number
}

export interface Quantiles {
  readonly median: number
  readonly p95: number
}

/** How long the last answers took. */
export interface Recent {
  add(times: AnswerTimes): void
  /** Of the answers that are remembered; undefined before there is one. */
  summary(): { readonly answers: number; readonly firstTokenMs: Quantiles; readonly answerMs: Quantiles } | undefined
}

/** @param most answers that are remembered */
export function recentAnswers(most = 200): Recent {
  const kept: AnswerTimes[] = []
  const quantiles = (of: (times: AnswerTimes) => number): Quantiles => {
    const sorted = kept.map(of).sort((a, b) => a - b)
    // The nearest rank: a time that an answer took.
    const at = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1] ?? NaN
    return { median: at(0.5), p95: at(0.95) }
  }
  return {
    add(times) {
      kept.push(times)
      if (kept.length > most) kept.shift()
    },
    summary() {
      if (kept.length === 0) return undefined
      const { length: answers } = kept
      return { answers, firstTokenMs: quantiles((one) => one.firstTokenMs), answerMs: quantiles((one) => one.answerMs) }
    },
  }
}
