import { check, G3Error } from '@g3/backend'
import { complementOf, joinedRanges, type CodePoints } from '../regular/code-points.js'
import { CLASSES, CONTROLS, NOT_LINE_END, property } from './classes.js'
import type { Pattern } from './pattern.js'

const LONGEST = 20_000
const DEEPEST = 100
const MOST_REPEATS = 100_000

/**
 * Reads an ECMAScript regular expression (ECMA-262, section 22.2.1). Left out, since no automaton over the text alone
 * decides them or nothing needs them: back references, look behind, word boundaries, flags and sets of the v flag.
 * @throws G3Error `grammar/unsupported` naming what and where; `grammar/bad-regex`; `grammar/too-large`
 */
export function parseRegex(source: string): Pattern {
  check(
    source.length <= LONGEST,
    'grammar/too-large',
    `a regular expression has ${source.length} characters; at most ${LONGEST} are allowed`,
  )
  const text = Array.from(source)
  let at = 0
  let depth = 0

  const bad = (what: string): G3Error =>
    new G3Error('grammar/bad-regex', `${what} at character ${at} of the regular expression ${source}`)
  const unsupported = (what: string): G3Error =>
    new G3Error(
      'grammar/unsupported',
      `${what} at character ${at} of the regular expression ${source} cannot be enforced: write it without`,
    )
  const takes = (part: string): boolean => {
    if (
      !text
        .slice(at, at + part.length)
        .join('')
        .startsWith(part)
    )
      return false
    at += part.length
    return true
  }

  const choice = (): Pattern => {
    if (++depth > DEEPEST)
      throw new G3Error('grammar/too-large', `groups lie deeper than ${DEEPEST} in a regular expression`)
    const items = [sequence()]
    while (takes('|')) items.push(sequence())
    depth--
    return items.length === 1 ? items[0] : { kind: 'choice', items }
  }

  const sequence = (): Pattern => {
    const items: Pattern[] = []
    while (at < text.length && text[at] !== '|' && text[at] !== ')') items.push(quantified(atom()))
    return items.length === 1 ? items[0] : { kind: 'sequence', items }
  }

  const atom = (): Pattern => {
    if (takes('^')) return { kind: 'start' }
    if (takes('$')) return { kind: 'end' }
    if (takes('.')) return { kind: 'character', ranges: NOT_LINE_END }
    if (takes('[')) return { kind: 'character', ranges: set() }
    if (takes('(')) return group()
    if (text[at] === '*' || text[at] === '+' || text[at] === '?' || counted()) throw bad('nothing to repeat')
    if (takes('\\')) {
      if (/[1-9]/.test(text[at] ?? '') || text[at] === 'k') throw unsupported('a back reference')
      if (text[at] === 'b' || text[at] === 'B') throw unsupported('a word boundary')
      return { kind: 'character', ranges: escape() }
    }
    return { kind: 'character', ranges: single(text[at++]) }
  }

  const group = (): Pattern => {
    if (takes('?<=') || takes('?<!')) throw unsupported('a look behind')
    const ahead = takes('?=') ? 'positive' : takes('?!') ? 'negative' : undefined
    if (!ahead && !takes('?:') && takes('?')) {
      const end = text.indexOf('>', at)
      if (!takes('<') || end < 0) throw unsupported('a group of this kind')
      at = end + 1
    }
    const item = choice()
    if (!takes(')')) throw bad('a group has no end')
    return ahead ? { kind: 'ahead', item, negative: ahead === 'negative' } : item
  }

  const quantified = (item: Pattern): Pattern => {
    const [min, max] = quantifier() ?? [1, 1]
    if (min === 1 && max === 1) return item
    if (item.kind === 'start' || item.kind === 'end' || item.kind === 'ahead') throw unsupported('a repeated condition')
    return { kind: 'repeat', item, min, max }
  }

  const quantifier = (): readonly [number, number] | undefined => {
    const found = takes('*')
      ? ([0, Infinity] as const)
      : takes('+')
        ? ([1, Infinity] as const)
        : takes('?')
          ? ([0, 1] as const)
          : counted()
    // Lazy or greedy, it is the same language.
    if (found) takes('?')
    return found
  }

  const counted = (): readonly [number, number] | undefined => {
    if (text[at] !== '{') return undefined
    const match = /^\{(\d+)(?:(,)(\d*))?\}/.exec(text.slice(at, at + 24).join(''))
    if (!match) return undefined
    at += match[0].length
    const min = Number(match[1])
    const max = match[2] === undefined ? min : match[3] ? Number(match[3]) : Infinity
    if (min > max) throw bad('a count has its ends the wrong way round')
    check(
      min <= MOST_REPEATS && (max <= MOST_REPEATS || max === Infinity),
      'grammar/too-large',
      `a count of a regular expression is above ${MOST_REPEATS}`,
    )
    return [min, max]
  }

  const set = (): CodePoints => {
    const negative = takes('^')
    const ranges: (readonly [number, number])[] = []
    while (!takes(']')) {
      if (at >= text.length) throw bad('a set of characters has no end')
      const from = member()
      if (
        from.length !== 1 ||
        from[0][0] !== from[0][1] ||
        text[at] !== '-' ||
        text[at + 1] === ']' ||
        at + 1 >= text.length
      ) {
        ranges.push(...from)
        continue
      }
      at++
      const to = member()
      const ends = to.length === 1 && to[0][0] === to[0][1]
      if (!ends) {
        ranges.push(...from, [0x2d, 0x2d], ...to)
        continue
      }
      if (to[0][0] < from[0][0]) throw bad('a range has its ends the wrong way round')
      ranges.push([from[0][0], to[0][0]])
    }
    return negative ? complementOf(ranges) : joinedRanges(ranges)
  }

  const member = (): CodePoints => {
    if (!takes('\\')) return single(text[at++])
    if (takes('b')) return single('\b')
    if (takes('-')) return single('-')
    return escape()
  }

  /** What stands after a backslash. */
  const escape = (): CodePoints => {
    if (at >= text.length) throw bad('an escape has no end')
    const letter = text[at++]
    const shorthand = CLASSES.get(letter)
    if (shorthand) return shorthand
    const control = CONTROLS.get(letter)
    if (control !== undefined) return [[control, control]]
    if (letter === 'x') return code(hex(2))
    if (letter === 'u') return code(unicode())
    if (letter === 'c' && /[A-Za-z]/.test(text[at] ?? '')) return code(text[at++].charCodeAt(0) % 32)
    if (letter === 'p' || letter === 'P') {
      const end = text.indexOf('}', at)
      const found = takes('{') && end > 0 ? property(text.slice(at, end).join('')) : undefined
      if (!found) throw unsupported('this property of characters')
      at = end + 1
      return letter === 'p' ? found : complementOf(found)
    }
    if (/[A-Za-z0-9]/.test(letter)) throw unsupported(`\\${letter}`)
    return single(letter)
  }

  const hex = (length: number): number => {
    const digits = text.slice(at, at + length).join('')
    if (digits.length !== length || !/^[0-9a-f]+$/i.test(digits)) throw bad('an escape lacks its hexadecimal digits')
    at += length
    return parseInt(digits, 16)
  }

  const unicode = (): number => {
    if (takes('{')) {
      const end = text.indexOf('}', at)
      if (end < 0 || end - at > 6) throw bad('an escape has no end')
      const value = hex(end - at)
      at++
      return value
    }
    const high = hex(4)
    if (high >= 0xd800 && high < 0xdc00 && takes('\\u')) return 0x10000 + ((high - 0xd800) << 10) + (hex(4) - 0xdc00)
    return high
  }

  const pattern = choice()
  if (at < text.length) throw bad('a group ends that has not begun')
  return pattern
}

const code = (value: number): CodePoints => [[value, value]]
const single = (character: string): CodePoints => code(character.codePointAt(0) ?? 0)
