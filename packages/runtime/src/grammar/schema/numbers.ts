import { byteSet } from '../regular/byte-set.js'
import type { Languages } from '../regular/languages.js'
import { EMPTY, type Language } from '../regular/node.js'

/**
 * Languages of JSON numbers. Those of values are closed: they hold all spellings of a value or none (5, 5.0 and 5.00), so
 * that their complement is one of values, too.
 */
export interface Numbers {
  /** Numbers, exponents of two digits included. */
  readonly any: Language
  /** Numbers without exponents: what all of the others are taken from. */
  readonly decimal: Language
  /** Decimals of no more digits than a double keeps apart. */
  readonly exact: Language
  /** Whole numbers, spelled with or without .0; as they are written: digits alone. */
  readonly whole: Language
  readonly digits: Language
  /** Numbers without zeros that say nothing: one spelling for each value. */
  readonly unique: Language
  value(value: number): Language
  atLeast(bound: number, inclusive: boolean): Language
  atMost(bound: number, inclusive: boolean): Language
  /** Undefined for factors of more digits than an automaton should have states. */
  multipleOf(factor: number): Language | undefined
}

/** Digits before and after the point: no number goes on without end. */
const MOST_DIGITS = 20
/** Digits that doubles keep: where rounding could move a number over a bound, it has no more. */
const EXACT_DIGITS = 15
/** A remainder takes one state of the automaton. */
const MOST_FACTOR = 100_000

export function numbers(languages: Languages): Numbers {
  const { bytes, literal, sequence, union, intersection, repeat, not, multiple } = languages
  const range = (from: number, to: number): Language => bytes(byteSet([0x30 + from, 0x30 + to]))
  const digit = range(0, 9)
  const some = (min: number, max: number): Language => repeat(digit, min, max)
  const maybe = (part: Language): Language => union([part, EMPTY])
  const point = literal('.')
  const minus = literal('-')
  const zeros = repeat(literal('0'), 0, Infinity)

  const integer = union([literal('0'), sequence(range(1, 9), some(0, MOST_DIGITS - 1))])
  const fraction = sequence(point, some(1, MOST_DIGITS))
  const magnitude = sequence(integer, maybe(fraction))
  const decimal = sequence(maybe(minus), magnitude)
  const exponent = sequence(
    bytes(byteSet([0x45, 0x45], [0x65, 0x65])),
    maybe(bytes(byteSet([0x2b, 0x2b], [0x2d, 0x2d]))),
    some(1, 2),
  )
  const exact = sequence(maybe(minus), repeat(sequence(digit, maybe(point)), 1, EXACT_DIGITS))
  const pointZeros = maybe(sequence(point, literal('0'), zeros))

  /** Magnitudes up to a bound. */
  const upTo = (bound: number, inclusive: boolean): Language => {
    const { whole, part } = spelled(bound)
    const any = maybe(sequence(point, some(1, Infinity)))
    const parts: Language[] = []
    const add = (...items: Language[]): number => parts.push(sequence(...items))
    if (whole.length > 1) add(literal('0'), any)
    if (whole.length > 1) add(range(1, 9), some(0, whole.length - 2), any)
    for (let i = 0; i < whole.length; i++) {
      const least = i === 0 && whole.length > 1 ? 1 : 0
      if (Number(whole[i]) > least)
        add(
          literal(whole.slice(0, i)),
          range(least, Number(whole[i]) - 1),
          some(whole.length - i - 1, whole.length - i - 1),
          any,
        )
    }
    for (let i = 0; i < part.length; i++) {
      const before = sequence(literal(`${whole}.${part.slice(0, i)}`))
      if (part[i] !== '0') add(before, range(0, Number(part[i]) - 1), some(0, Infinity))
      add(i === 0 ? literal(whole) : before)
    }
    if (inclusive) add(literal(whole), part === '' ? pointZeros : sequence(point, literal(part), zeros))
    return union(parts)
  }
  const from = (bound: number, inclusive: boolean): Language => intersection([magnitude, not(upTo(bound, !inclusive))])
  const within = (language: Language, inclusive: boolean): Language =>
    intersection([language, decimal, ...(inclusive ? [] : [exact])])

  return {
    decimal,
    exact: intersection([decimal, exact]),
    any: union([decimal, sequence(decimal, exponent)]),
    whole: sequence(maybe(minus), integer, pointZeros),
    digits: intersection([sequence(maybe(minus), integer), not(literal('-0'))]),
    unique: intersection([
      sequence(maybe(minus), integer, maybe(sequence(point, some(0, MOST_DIGITS - 1), range(1, 9)))),
      not(literal('-0')),
    ]),
    value(value) {
      const { whole, part } = spelled(Math.abs(value))
      const spelling = part === '' ? sequence(literal(whole), pointZeros) : sequence(literal(`${whole}.${part}`), zeros)
      return value === 0 ? sequence(maybe(minus), spelling) : value < 0 ? sequence(minus, spelling) : spelling
    },
    atLeast(bound, inclusive) {
      if (bound > 0) return within(from(bound, inclusive), inclusive)
      const positive = bound === 0 ? from(0, inclusive) : magnitude
      return within(union([positive, sequence(minus, upTo(-bound, inclusive))]), inclusive)
    },
    atMost(bound, inclusive) {
      if (bound < 0) return within(sequence(minus, from(-bound, inclusive)), inclusive)
      const negative = sequence(minus, bound === 0 ? from(0, inclusive) : magnitude)
      return within(union([upTo(bound, inclusive), negative]), inclusive)
    },
    multipleOf(factor) {
      const { whole, part } = spelled(factor)
      const scaled = Number(whole + part)
      if (!(scaled > 0 && scaled <= MOST_FACTOR)) return undefined
      // A number of fewer places than the factor has lacks zeros, which stand for powers of ten.
      const places = Array.from({ length: part.length + 1 }, (_, count) => {
        const step = scaled / commonDivisor(scaled, 10 ** (part.length - count))
        const shape = sequence(maybe(minus), integer, count === 0 ? EMPTY : sequence(point, some(count, count)))
        return sequence(intersection([shape, multiple(step, 0)]), count === 0 ? pointZeros : zeros)
      })
      return within(union(places), false)
    },
  }
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b))

/** A number's digits before and after its point, without an exponent. */
function spelled(value: number): { readonly whole: string; readonly part: string } {
  const [mantissa, exponent = '0'] = String(value).split('e')
  const [whole, part = ''] = mantissa.split('.')
  const digits = whole + part
  const point = whole.length + Number(exponent)
  return {
    whole: (point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0').replace(/^0+(?=\d)/, ''),
    part: (point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits).replace(/0+$/, ''),
  }
}
