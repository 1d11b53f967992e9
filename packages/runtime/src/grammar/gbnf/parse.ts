import { check, G3Error } from '@g3/backend'
import { complementOf, EVERY, joinedRanges, type CodePoints } from '../regular/code-points.js'
import type { Expression, Rules } from './notation.js'

const LONGEST = 1_000_000
const DEEPEST = 100
const MOST_REPEATS = 10_000

const NAME = /[A-Za-z_][A-Za-z0-9_-]*/y
const SPACE = /(?:\s|#[^\n]*)*/y
const DEFINES = /(?:[ \t]|#[^\n]*)*::=/y
const COUNT = /\{\s*(\d+)\s*(?:(,)\s*(\d*)\s*)?\}/y
const ESCAPES: ReadonlyMap<string, number> = new Map([
  ['n', 10],
  ['r', 13],
  ['t', 9],
])
const DIGITS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
])

/**
 * Reads a grammar in GBNF (llama.cpp, grammars/README.md): rules `name ::= …` of "texts", [sets], `.`, (groups), names,
 * `|` and the counts * + ? {n} {n,} {n,m}; # begins a comment. A rule goes on until the next one begins.
 * @throws G3Error `grammar/bad-grammar` naming the line; `grammar/too-large`
 */
export function parseGbnf(source: string): Rules {
  check(
    source.length <= LONGEST,
    'grammar/too-large',
    `a grammar has ${source.length} characters; at most ${LONGEST} are allowed`,
  )
  const rules = new Map<string, Expression>()
  let at = 0
  let depth = 0

  const bad = (what: string): G3Error =>
    new G3Error('grammar/bad-grammar', `${what} in line ${source.slice(0, at).split('\n').length} of the grammar`)
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (found) at = pattern.lastIndex
    return found
  }
  const takes = (part: string): boolean => {
    if (!source.startsWith(part, at)) return false
    at += part.length
    return true
  }
  const space = (): void => void match(SPACE)

  const choice = (): Expression => {
    if (++depth > DEEPEST) throw new G3Error('grammar/too-large', `groups lie deeper than ${DEEPEST} in a grammar`)
    const items = [sequence()]
    while (takes('|')) items.push(sequence())
    depth--
    return items.length === 1 ? items[0] : { kind: 'choice', items }
  }

  const sequence = (): Expression => {
    const items: Expression[] = []
    for (space(); at < source.length && source[at] !== '|' && source[at] !== ')' && !atRule(); space())
      items.push(counted(atom()))
    return items.length === 1 ? items[0] : { kind: 'sequence', items }
  }

  /** Whether a new rule begins here. */
  const atRule = (): boolean => {
    const start = at
    const found = match(NAME) !== null && match(DEFINES) !== null
    at = start
    return found
  }

  const atom = (): Expression => {
    if (takes('"')) {
      let text = ''
      while (!takes('"')) text += String.fromCodePoint(character('"'))
      return { kind: 'literal', text }
    }
    if (takes('[')) return { kind: 'character', ranges: set() }
    if (takes('.')) return { kind: 'character', ranges: EVERY }
    if (takes('(')) {
      const item = choice()
      if (!takes(')')) throw bad('a group has no end')
      return item
    }
    const name = match(NAME)
    if (!name) throw bad(`${JSON.stringify(source.slice(at, at + 8))} is no text, set, group or name`)
    return { kind: 'name', name: name[0] }
  }

  const counted = (item: Expression): Expression => {
    let result = item
    for (;;) {
      const [min, max] = takes('*') ? [0, Infinity] : takes('+') ? [1, Infinity] : takes('?') ? [0, 1] : count()
      if (max < 0) return result
      if (++depth > DEEPEST) throw new G3Error('grammar/too-large', `counts lie deeper than ${DEEPEST} in a grammar`)
      result = { kind: 'repeat', item: result, min, max }
    }
  }

  /** A count in braces; [0, -1] where there is none. */
  const count = (): [number, number] => {
    const found = match(COUNT)
    if (!found) return [0, -1]
    const min = Number(found[1])
    const max = found[2] === undefined ? min : found[3] ? Number(found[3]) : Infinity
    if (min > max) throw bad('a count has its ends the wrong way round')
    check(
      min <= MOST_REPEATS && (max === Infinity || max <= MOST_REPEATS),
      'grammar/too-large',
      `a count of the grammar is above ${MOST_REPEATS}`,
    )
    return [min, max]
  }

  const set = (): CodePoints => {
    const negative = takes('^')
    const ranges: [number, number][] = []
    while (!takes(']')) {
      const from = character(']')
      const isRange = source[at] === '-' && source[at + 1] !== ']'
      if (isRange) at++
      const to = isRange ? character(']') : from
      if (to < from) throw bad('a range has its ends the wrong way round')
      ranges.push([from, to])
    }
    return negative ? complementOf(ranges) : joinedRanges(ranges)
  }

  /** One character of a text or a set, perhaps escaped. */
  const character = (closing: string): number => {
    const code = source.codePointAt(at)
    if (code === undefined || code === 10) throw bad(`a ${closing} is missing`)
    at += code > 0xffff ? 2 : 1
    if (code !== 0x5c) return code
    const letter = source[at++] ?? ''
    const length = DIGITS.get(letter)
    if (length === undefined) return ESCAPES.get(letter) ?? letter.codePointAt(0) ?? 0x5c
    const digits = source.slice(at, (at += length))
    const value = /^[0-9A-Fa-f]+$/.test(digits) && digits.length === length ? parseInt(digits, 16) : Infinity
    if (value > 0x10ffff) throw bad('an escape lacks its hexadecimal digits')
    return value
  }

  for (space(); at < source.length; space()) {
    const name = match(NAME)
    if (!name || !match(DEFINES)) throw bad('a rule begins with its name and ::=')
    if (rules.has(name[0])) throw bad(`a second rule ${name[0]}`)
    depth = 0
    rules.set(name[0], choice())
    if (source[at] === ')') throw bad('a group ends that has not begun')
  }
  return rules
}
