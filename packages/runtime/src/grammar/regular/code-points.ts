import { byteSet } from './byte-set.js'
import type { Languages } from './languages.js'
import type { Language } from './node.js'

/** Code points as ranges, both ends included, in rising order without overlap. */
export type CodePoints = readonly (readonly [number, number])[]

export const LAST = 0x10ffff
/** Surrogates are no characters: nothing encodes them. */
export const EVERY: CodePoints = [
  [0, 0xd7ff],
  [0xe000, LAST],
]

export function joinedRanges(ranges: CodePoints): CodePoints {
  const joined: [number, number][] = []
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else joined.push([from, to])
  }
  return joined
}

export function complementOf(ranges: CodePoints): CodePoints {
  const rest: [number, number][] = []
  let next = 0
  for (const [from, to] of joinedRanges(ranges)) {
    if (from > next) rest.push([next, from - 1])
    next = to + 1
  }
  if (next <= LAST) rest.push([next, LAST])
  return common(rest, EVERY)
}

export function common(a: CodePoints, b: CodePoints): CodePoints {
  const both: [number, number][] = []
  for (const [from, to] of a)
    for (const [low, high] of b) {
      const start = Math.max(from, low)
      const end = Math.min(to, high)
      if (start <= end) both.push([start, end])
    }
  return joinedRanges(both)
}

/** How characters are spelled: as UTF-8, or as JSON.stringify spells them between quotes, which is UTF-8 but for a few. */
export type Spelling = 'plain' | 'json'

const ESCAPED: CodePoints = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
]

/** One character out of `ranges`. */
export function character(languages: Languages, ranges: CodePoints, spelling: Spelling): Language {
  const valid = common(ranges, EVERY)
  if (spelling === 'plain') return utf8(languages, valid)
  const escapes = common(valid, ESCAPED).flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, i) =>
      languages.literal(JSON.stringify(String.fromCharCode(from + i)).slice(1, -1)),
    ),
  )
  return languages.union([utf8(languages, common(valid, complementOf(ESCAPED))), ...escapes])
}

/** The last code points of UTF-8's lengths of 1, 2, 3 and 4 bytes. */
const ENDS = [0x7f, 0x7ff, 0xffff, LAST]

function utf8({ bytes, sequence, union }: Languages, ranges: CodePoints): Language {
  const parts: Language[] = []
  const between = (from: readonly number[], to: readonly number[]): Language =>
    sequence(...from.map((byte, i) => bytes(byteSet([byte, to[i]]))))

  /** Ranges of code points whose bytes vary freely, each place within its own range. */
  const split = (from: number, to: number): void => {
    for (const end of ENDS)
      if (from <= end && end < to) {
        split(from, end)
        split(end + 1, to)
        return
      }
    for (let bits = 6; to > 0x7f && bits <= 18 && 1 << bits <= to; bits += 6) {
      const mask = (1 << bits) - 1
      if (from >> bits === to >> bits) continue
      if ((from & mask) !== 0) {
        split(from, from | mask)
        split((from | mask) + 1, to)
        return
      }
      if ((to & mask) !== mask) {
        split(from, (to & ~mask) - 1)
        split(to & ~mask, to)
        return
      }
    }
    parts.push(between(encode(from), encode(to)))
  }
  for (const [from, to] of ranges) split(from, to)
  return union(parts)
}

const encode = (codePoint: number): readonly number[] => [...new TextEncoder().encode(String.fromCodePoint(codePoint))]
