/** Decides how many guesses to check at a time, by what checks have cost and brought so far in a text. */
export interface Pace {
  /** How many guesses are of use now; 0 where guessing takes more than it brings, for a while. */
  wanted(): number
  /**
   * How many of `count` guesses to check.
   * @param strength as the drafter gave it
   */
  count(strength: number, count: number): number
  /** Guesses came true, or the first did not: checked or not. */
  learn(strength: number, hits: number, missed: boolean): void
  /** Time that guessing took, for `count` guesses. */
  guessed(ms: number, count: number): void
  /** A step of `rows` rows gave `tokens` tokens. */
  stepped(ms: number, rows: number, tokens: number): void
}

/** How often guesses come true before anything is known, by the length of the match. */
const PRIORS = [0.6, 0.3, 0.4, 0.55, 0.7, 0.7, 0.85]
const PRIOR_WEIGHT = 3
/** What was long ago counts less. */
const FADE = 0.97
/** What another row costs before any was measured, in steps of one row. */
const ROW_COST = 0.2
/** A check must promise this much more than a plain step. */
const MARGIN = 1.1
/** What may be lost of the time spent, and in steps besides. */
const LOSS = 0.01
const LOSS_STEPS = 1.5
/** How long guesses that cost time are not made, in steps. */
const FIRST_PAUSE = 8
const LONGEST_PAUSE = 256

const whenever: Omit<Pace, 'wanted' | 'count'> = { learn() {}, guessed() {}, stepped() {} }

/**
 * @param most guesses that one step checks
 * @param always checks all
 */
export function pace(most: number, always = false): Pace {
  if (always) return { ...whenever, wanted: () => most, count: (_, count) => count }
  const hits = PRIORS.map((rate) => rate * PRIOR_WEIGHT)
  const trials = PRIORS.map(() => PRIOR_WEIGHT)
  /** Milliseconds of a step of one row; 0: not known. */
  let plain = 0
  let rowCost = ROW_COST
  let guessMs = 0
  let spent = 0
  let saved = 0
  let rest = 0
  let pause = FIRST_PAUSE

  const kind = (strength: number): number => Math.min(strength, PRIORS.length - 1)
  const best = (strength: number, count: number): number => {
    const rate = hits[kind(strength)] / trials[kind(strength)]
    let found = 0
    let value = MARGIN
    let tokens = 1
    for (let guesses = 1, chance = rate; guesses <= count; guesses++, chance *= rate) {
      tokens += chance
      const cost = 1 + rowCost * guesses + (plain > 0 ? (guessMs * guesses) / plain : 0)
      if (tokens / cost <= value) continue
      value = tokens / cost
      found = guesses
    }
    return found
  }
  const isCheap = (): boolean => guessMs < 0.005 * plain
  const mayLose = (): boolean => plain > 0 && saved > -(LOSS * spent + LOSS_STEPS * plain)

  return {
    wanted() {
      if (rest > 0 && !isCheap()) {
        rest--
        return 0
      }
      return plain === 0 ? 0 : most
    },
    count(strength, count) {
      const found = mayLose() ? best(strength, Math.min(count, most)) : 0
      if (found > 0) pause = FIRST_PAUSE
      else {
        rest = pause
        pause = Math.min(2 * pause, LONGEST_PAUSE)
      }
      return found
    },
    learn(strength, came, missed) {
      const at = kind(strength)
      const fade = FADE ** (came + Number(missed))
      hits[at] = hits[at] * fade + came
      trials[at] = trials[at] * fade + came + Number(missed)
    },
    guessed(ms, count) {
      spent += ms
      saved -= ms
      if (count > 0) guessMs += 0.3 * (ms / count - guessMs)
    },
    stepped(ms, rows, tokens) {
      spent += ms
      if (rows === 1) {
        // One slow step, such as the first, says little.
        plain += plain === 0 ? ms : 0.2 * (Math.min(ms, 2 * plain) - plain)
        return
      }
      saved += tokens * plain - ms
      rowCost += 0.2 * (Math.min(Math.max((ms / plain - 1) / (rows - 1), 0), 2) - rowCost)
    },
  }
}
