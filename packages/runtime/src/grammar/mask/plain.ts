import type { Automaton } from '../regular/automaton.js'
import { NONE, type Language } from '../regular/node.js'

/**
 * Plain characters are those that a JSON string takes as they are: printable ASCII but for `"` and `\`, and all beyond
 * ASCII. Most tokens hold nothing else, so most of a string's mask is known without looking at them one by one.
 */
const isPlain = (byte: number): boolean => byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c

/** First and last second byte after a lead byte of UTF-8, and how many bytes follow the lead (Unicode, table 3-7). */
function tail(lead: number): { readonly from: number; readonly to: number; readonly count: number } | undefined {
  if (lead < 0xc2 || lead > 0xf4) return undefined
  const from = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const to = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  return { from, to, count: lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3 }
}

/** A length that means: not plain. */
export const NOT_PLAIN = 255

/** Plain characters of a piece; {@link NOT_PLAIN} where it holds others, or too many. */
export function plainLength(piece: Uint8Array): number {
  let count = 0
  for (let at = 0; at < piece.length; count++) {
    if (isPlain(piece[at])) {
      at++
      continue
    }
    const rest = tail(piece[at])
    if (!rest || at + rest.count >= piece.length) return NOT_PLAIN
    for (let i = 1; i <= rest.count; i++) {
      const byte = piece[at + i]
      if (byte < (i === 1 ? rest.from : 0x80) || byte > (i === 1 ? rest.to : 0xbf)) return NOT_PLAIN
    }
    at += rest.count + 1
  }
  return Math.min(count, NOT_PLAIN)
}

const WIDEST = 64

/**
 * How many plain characters a state takes, whichever they are, without being done in between: up to `most`.
 */
export function plainReach(automaton: Automaton, start: Language, most: number): number {
  const seen = new Set([start])
  let level = [start]
  for (let reach = 0; reach < most; reach++) {
    const next: Language[] = []
    for (const state of level) {
      const after = automaton.accepts(state) ? undefined : afterPlain(automaton, state)
      if (!after || next.length > WIDEST) return reach
      for (const other of after) {
        if (seen.has(other)) continue
        seen.add(other)
        next.push(other)
      }
    }
    if (next.length === 0) return most
    level = next
  }
  return most
}

/** Where the plain characters lead; undefined where one of them may not come. */
function afterPlain(automaton: Automaton, state: Language): Set<Language> | undefined {
  const found = new Set<Language>()
  const row = automaton.row(state)
  for (let byte = 0x20; byte < 0x7f; byte++) {
    if (!isPlain(byte)) continue
    if (row[byte] === NONE) return undefined
    found.add(row[byte])
  }
  const seen = new Set<string>()
  const follow = (from: Language, low: number, high: number, count: number): boolean => {
    const key = `${from},${low},${high},${count}`
    if (seen.has(key)) return true
    seen.add(key)
    const bytes = automaton.row(from)
    for (let byte = low; byte <= high; byte++) {
      if (bytes[byte] === NONE) return false
      if (count === 1) found.add(bytes[byte])
      else if (!follow(bytes[byte], 0x80, 0xbf, count - 1)) return false
    }
    return true
  }
  for (let lead = 0xc2; lead <= 0xf4; lead++) {
    const rest = tail(lead)
    if (row[lead] === NONE || !rest || !follow(row[lead], rest.from, rest.to, rest.count)) return undefined
  }
  return found
}
