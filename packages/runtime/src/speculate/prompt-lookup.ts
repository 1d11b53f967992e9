import { check } from '@g3/backend'
import { NO_DRAFT, type Draft, type Drafter } from './drafter.js'

export interface LookupOptions {
  /** How many tokens an earlier place must have in common with the text's end, from 2. Default 2. */
  readonly least?: number
  /** How many earlier places are compared, the latest first. Default 32. */
  readonly places?: number
  /** As {@link Drafter.always}. */
  readonly always?: boolean
}

/** Matches longer than this are as sure as can be. */
const LONGEST = 32

/** Pairs of ids as one number: vocabularies are smaller. */
const PAIR = 2 ** 24

/**
 * Guesses that the text goes on as it did where it last had the same tokens, in the prompt or in the answer: for
 * rewriting, extraction, edits of code. Costs microseconds a token and no model.
 * @throws G3Error `speculate/bad-option`
 * @see https://github.com/apoorvumang/prompt-lookup-decoding
 */
export function promptLookup({ least = 2, places = 32, always = false }: LookupOptions = {}): Drafter {
  const fits = (value: number, from: number, to: number): boolean =>
    Number.isSafeInteger(value) && value >= from && value <= to
  check(fits(least, 2, LONGEST), 'speculate/bad-option', () => `least is ${least}; it must be from 2 to ${LONGEST}`)
  check(fits(places, 1, 4096), 'speculate/bad-option', () => `places is ${places}; it must be from 1 to 4096`)

  return {
    always,
    start(prompt) {
      const text: number[] = []
      /** Where the pair that ends at each place ended before; −1: nowhere. */
      const before: number[] = []
      const latest = new Map<number, number>()

      const accept = (id: number): void => {
        const place = text.push(id) - 1
        const pair = place > 0 && id >= 0 && text[place - 1] >= 0 ? text[place - 1] * PAIR + id : undefined
        before.push(pair === undefined ? -1 : (latest.get(pair) ?? -1))
        if (pair !== undefined) latest.set(pair, place)
      }

      /** How many tokens up to `place` are the text's last ones. */
      const matchAt = (place: number): number => {
        const end = text.length - 1
        let length = 0
        while (length < LONGEST && length <= place && text[place - length] === text[end - length]) length++
        return length
      }

      for (const id of prompt) accept(id)

      return {
        accept,
        propose(most): Draft {
          let best = -1
          let longest = least - 1
          let place = before[text.length - 1] ?? -1
          for (let n = 0; place >= 0 && n < places && longest < LONGEST; n++, place = before[place]) {
            const length = matchAt(place)
            if (length <= longest) continue
            longest = length
            best = place
          }
          if (best < 0) return NO_DRAFT
          const ids: number[] = []
          while (ids.length < most) {
            const at = best + 1 + ids.length
            // A repeat that reaches the end goes on with itself.
            const id = at < text.length ? text[at] : ids[at - text.length]
            if (id < 0) break
            ids.push(id)
          }
          return { ids, strength: longest }
        },
      }
    },
  }
}
