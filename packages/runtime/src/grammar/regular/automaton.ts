import { check } from '@g3/backend'
import { hasByte } from './byte-set.js'
import type { Languages } from './languages.js'
import { ALL, EMPTY, NONE, type Language } from './node.js'

/** Languages as states: rows of transitions, made when they are first asked for. */
export interface Automaton {
  readonly languages: Languages
  /** Steps taken so far to find transitions. */
  readonly work: number
  /** [256]: what may follow each byte; {@link NONE} where nothing can. */
  row(state: Language): Int32Array
  accepts(state: Language): boolean
  /** Whether no text belongs to it. @throws G3Error `grammar/too-large` where that takes too long to find out */
  isEmpty(state: Language): boolean
  /** Whether a whole text belongs to it. */
  matches(state: Language, text: Uint8Array): boolean
}

/** Steps, of some microseconds at most, that one search for an accepting state may take. */
const LONGEST_SEARCH = 100_000
export const TOO_COMPLEX = 'patterns that must hold together are too complex: use fewer of them, or smaller counts'

export function automaton(languages: Languages): Automaton {
  const { node, sequence, union, intersection, repeat, not, multiple } = languages
  let work = 0
  const raw: Int32Array[] = []
  const rows: Int32Array[] = []
  /** Of states that may be empty without saying so: whether they are. */
  const emptiness = new Map<Language, boolean>()

  const after = (language: Language, byte: number): Language => raw[language]?.[byte] ?? derivative(language, byte)

  const derivative = (language: Language, byte: number): Language => {
    work++
    const term = node(language)
    switch (term.kind) {
      case 'empty':
        return NONE
      case 'bytes':
        return hasByte(term.set, byte) ? EMPTY : NONE
      case 'sequence': {
        const first = sequence(after(term.first, byte), term.rest)
        return node(term.first).accepts ? union([first, after(term.rest, byte)]) : first
      }
      case 'union':
        return union(term.items.map((item) => after(item, byte)))
      case 'intersection':
        return intersection(term.items.map((item) => after(item, byte)))
      case 'repeat':
        if (language === ALL) return ALL
        return sequence(rawRow(term.item)[byte], repeat(term.item, Math.max(0, term.min - 1), term.max - 1))
      case 'not':
        return not(after(term.item, byte))
      case 'multiple': {
        const { divisor, remainder } = term
        if (byte === 0x2d || byte === 0x2e) return language
        return byte >= 0x30 && byte <= 0x39 ? multiple(divisor, (remainder * 10 + byte - 0x30) % divisor) : NONE
      }
      default:
        return term satisfies never
    }
  }

  const rawRow = (state: Language): Int32Array => {
    if (raw[state]) return raw[state]
    const row = new Int32Array(256)
    const { edges } = node(state)
    for (let byte = 0; byte < 256; byte++)
      row[byte] = byte === 0 || hasByte(edges, byte) ? derivative(state, byte) : row[byte - 1]
    return (raw[state] = row)
  }

  /** Breadth first: all that lies on the way to an accepted text is worth while. */
  const isEmpty = (start: Language): boolean => {
    if (!node(start).hidden) return start === NONE
    const known = emptiness.get(start)
    if (known !== undefined) return known
    const from = new Map<Language, Language>([[start, start]])
    const most = work + LONGEST_SEARCH
    for (const state of from.keys()) {
      if (node(state).accepts || emptiness.get(state) === false || !node(state).hidden) {
        for (let at = state; ; at = from.get(at) ?? start) {
          emptiness.set(at, false)
          if (at === start) return false
        }
      }
      for (const next of rawRow(state))
        if (next !== NONE && !from.has(next) && emptiness.get(next) !== true) from.set(next, state)
      check(work < most, 'grammar/too-large', TOO_COMPLEX)
    }
    for (const state of from.keys()) emptiness.set(state, true)
    return true
  }

  const row = (state: Language): Int32Array => {
    if (rows[state]) return rows[state]
    const unchecked = rawRow(state)
    if (!node(state).hidden) return (rows[state] = unchecked)
    return (rows[state] = unchecked.map((next) => (isEmpty(next) ? NONE : next)))
  }

  return {
    languages,
    get work() {
      return work
    },
    row,
    isEmpty,
    accepts: (state) => node(state).accepts,
    matches(state, text) {
      let at = state
      for (const byte of text) if ((at = row(at)[byte]) === NONE) return false
      return node(at).accepts
    },
  }
}
