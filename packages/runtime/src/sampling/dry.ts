import { check } from '@g3/backend'
import type { Sampling } from './options.js'

/** Most ids that one step makes less likely; the longest repeats come first. */
export const MOST_DRY = 1024

/** What is taken from a logit at most, so that f32 holds it. */
const MOST_PENALTY = 3e38

/** Finds the tokens that would go on with what the text has said before. */
export interface Dry {
  /** How many of the text's last tokens it looks at. */
  readonly last: number
  /**
   * What to take from the logits of ids, at most {@link MOST_DRY} of them. Valid until the next call.
   * @param text the text's last tokens, at most {@link last}
   */
  penalties(text: ArrayLike<number>): ReadonlyMap<number, number>
}

/**
 * DRY ("don't repeat yourself"), with llama.cpp's names and defaults: a token that would make a repeat of n tokens one
 * longer loses multiplier · base^(n − allowedLength), from n = allowedLength on. A repeat does not reach back beyond a
 * breaker, and tokens that hold a breaker lose nothing.
 * @param textOf the text of a token; needed where there are breakers
 * @returns undefined where nothing is asked for
 * @throws G3Error `sampling/bad-option` for breakers without `textOf`
 * @see https://github.com/oobabooga/text-generation-webui/pull/5677
 */
export function dry(sampling: Sampling, textOf?: (id: number) => string): Dry | undefined {
  const { dryMultiplier, dryBase, dryAllowedLength, dryLast, dryBreakers } = sampling
  if (dryMultiplier === 0 || dryLast === 0) return undefined
  check(
    dryBreakers.length === 0 || textOf !== undefined,
    'sampling/bad-option',
    'dryBreakers are texts, so the text of a token must be known: give `textOf`, or no breakers',
  )
  const breakers = breakersOf(dryBreakers, textOf ?? (() => ''))
  const found = new Map<number, number>()
  let repeats = new Int32Array(256)

  return {
    last: dryLast,
    penalties(text) {
      found.clear()
      if (text.length <= dryAllowedLength) return found
      const limit = breakers.since(text)
      if (limit < dryAllowedLength) return found
      if (repeats.length < text.length) repeats = new Int32Array(2 * text.length)
      repeatsOfEnd(text, repeats)
      for (let back = 1; back < text.length; back++) {
        const length = Math.min(repeats[back], limit)
        const next = text[text.length - back]
        if (length >= dryAllowedLength && length > (found.get(next) ?? -1) && !breakers.holds(next))
          found.set(next, length)
      }
      if (found.size > MOST_DRY) {
        const longest = [...found].sort((a, b) => b[1] - a[1]).slice(0, MOST_DRY)
        found.clear()
        for (const [id, length] of longest) found.set(id, length)
      }
      for (const [id, length] of found) {
        found.set(id, Math.min(dryMultiplier * dryBase ** (length - dryAllowedLength), MOST_PENALTY))
      }
      return found
    },
  }
}

/**
 * For each `back` from 1: how many tokens the text's end has in common with what ends `back` tokens earlier. Each token is
 * looked at a constant number of times (the Z-algorithm: Gusfield, "Algorithms on Strings, Trees, and Sequences", 1.3).
 */
function repeatsOfEnd(text: ArrayLike<number>, into: Int32Array): void {
  const end = text.length - 1
  // The repeat known to reach farthest back: [left, right) from the end.
  let left = 0
  let right = 0
  for (let back = 1; back <= end; back++) {
    let same = back < right ? Math.min(right - back, into[back - left]) : 0
    while (back + same <= end && text[end - same] === text[end - back - same]) same++
    into[back] = same
    if (back + same > right) {
      left = back
      right = back + same
    }
  }
}

function breakersOf(breakers: readonly string[], textOf: (id: number) => string) {
  const longest = Math.max(0, ...breakers.map(({ length }) => length))
  const known = new Map<number, string>()
  const piece = (id: number): string => {
    if (id < 0) return ''
    let text = known.get(id)
    if (text === undefined) known.set(id, (text = textOf(id)))
    return text
  }
  return {
    /** Whether a token's own text has a breaker in it. */
    holds: (id: number): boolean => breakers.some((breaker) => piece(id).includes(breaker)),
    /** How many tokens come after the one with which the last breaker ends; all without one. */
    since(text: ArrayLike<number>): number {
      if (breakers.length === 0) return text.length
      let after = ''
      for (let back = 1; back <= text.length; back++) {
        const own = piece(text[text.length - back])
        const joined = own + after
        let end = 0
        for (const breaker of breakers) {
          const at = own === '' ? -1 : joined.lastIndexOf(breaker, own.length - 1)
          if (at >= 0) end = Math.max(end, at + breaker.length)
        }
        if (end > 0) {
          let last = back
          for (let covered = own.length; covered < end; last--) covered += piece(text[text.length - last + 1]).length
          return last - 1
        }
        after = joined.slice(0, longest)
      }
      return text.length
    },
  }
}
