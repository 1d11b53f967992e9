import type { Automaton } from '../regular/automaton.js'
import { all, any, text, type Part } from '../part.js'
import { oneOf } from './literals.js'
import { content } from './members.js'
import type { ObjectShape } from './shapes.js'
import type { Signs } from './spacing.js'

/** `schema`: listed members come in the order of the schema, others after them; `any`: as they like. */
export type Order = 'schema' | 'any'

export interface Emitting {
  readonly automaton: Automaton
  readonly signs: Signs
  readonly order: Order
  /** The rules that have a value. */
  readonly rules: ReadonlySet<number>
  partOf(rule: number): Part
}

/** Where an object is. */
interface Progress {
  /** Members so far: no more are counted than bounds ask for. */
  readonly count: number
  /** Listed names below this one are behind, in the order of the schema. */
  readonly next: number
  /** Indexes of the names that were used, in any order. */
  readonly used: readonly number[]
  /** Other names that were used, where they must differ to count. */
  readonly heard: readonly string[]
}

/** What an object is written with. */
export interface Brackets {
  readonly open: string
  readonly close: string
  /** Between a name and its value; as the signs have it unless given. */
  readonly colon?: string
  /** A listed name as it is written. */
  key(name: string): string
}

const OBJECT: Brackets = { open: '{', close: '}', key: (name) => `"${content(name)}"` }

/** The arguments of a call in Python, by their names: `(name="Peter", age=30)`. Others than listed ones have no names there. */
export const ARGUMENTS: Brackets = { open: '(', close: ')', colon: '=', key: (name) => name }

/** @param id tells this object apart from the others of its grammar */
export function objectPart(
  shape: ObjectShape,
  id: string,
  { automaton, signs, order, rules, partOf }: Emitting,
  brackets = OBJECT,
): Part {
  const { languages } = automaton
  const { literal, sequence, not, intersection } = languages
  const names = shape.names
    .filter(({ rule }) => rules.has(rule))
    .map((entry) => ({ ...entry, key: brackets.key(entry.name) }))
  const indexOf = new Map(names.map(({ key }, i) => [key, i]))
  const others = shape.others.filter(({ rule }) => rules.has(rule))
  const { min, max } = shape
  // Repeated names make one member: where members are needed, they must differ.
  const distinct = min > 1 && others.length > 0
  const quote = literal('"')
  const close = text(literal(brackets.close))
  const colon = text(brackets.colon === undefined ? signs.colon : literal(brackets.colon))
  const counted = (count: number): number => (max < Infinity ? count : Math.min(count, min))

  /** Listed names that may still come, by index. */
  const open = ({ next, used }: Progress): number[] => {
    const behind = new Set(used)
    return Array.from(names.keys()).filter((i) => i >= next && !behind.has(i))
  }

  /** Those that may come next and leave enough members to come, but not too many. */
  const candidates = (at: Progress, left: readonly number[], required: number): number[] => {
    const found: number[] = []
    for (const [place, i] of left.entries()) {
      const needed = required - (names[i].required ? 1 : 0)
      const available = others.length > 0 ? Infinity : left.length - (order === 'schema' ? place : 0) - 1
      if (at.count + 1 + needed <= max && at.count + 1 + available >= min) found.push(i)
      // What is required cannot be passed over.
      if (order === 'schema' && names[i].required) break
    }
    return found
  }

  const members = (at: Progress, isFirst: boolean): Part => {
    const left = open(at)
    const required = left.filter((i) => names[i].required).length
    const begin = (...parts: readonly Part[]): Part => all(...(isFirst ? [] : [text(signs.comma)]), ...parts)
    const ways: Part[] = []
    const listed = candidates(at, left, required)
    if (listed.length > 0)
      ways.push(
        begin(
          text(
            oneOf(
              languages,
              listed.map((i) => names[i].key),
            ),
          ),
          afterListed(at),
        ),
      )
    if (at.count + 1 + required <= max && (order === 'any' || required === 0))
      for (const { keys, rule } of others) {
        const fresh = intersection([keys, ...at.heard.map((name) => not(literal(name)))])
        if (!automaton.isEmpty(fresh)) ways.push(begin(text(sequence(quote, fresh, quote)), afterOther(at, rule)))
      }
    if (required === 0 && at.count >= min) ways.push(isFirst ? close : all(text(signs.inside), close))
    return any(ways)
  }

  const keyOf = ({ count, next, used, heard }: Progress): string =>
    `${id}|${count}|${next}|${used.join()}|${JSON.stringify(heard)}`
  const lazy = (at: Progress, isFirst: boolean): Part => ({
    kind: 'lazy',
    key: `${keyOf(at)}|${isFirst}`,
    expand: () => members(at, isFirst),
  })

  const afterListed = (at: Progress): Part => ({
    kind: 'heard',
    key: `${keyOf(at)}|listed`,
    then(key) {
      const i = indexOf.get(key) ?? 0
      const place = order === 'schema' ? { next: i + 1 } : { used: [...at.used, i].sort((a, b) => a - b) }
      return all(colon, partOf(names[i].rule), lazy({ ...at, ...place, count: counted(at.count + 1) }, false))
    },
  })

  const afterOther = (at: Progress, rule: number): Part => {
    const next: Progress = { ...at, next: order === 'schema' ? names.length : 0, count: counted(at.count + 1) }
    if (!distinct) return all(colon, partOf(rule), lazy(next, false))
    return {
      kind: 'heard',
      key: `${keyOf(at)}|other${rule}`,
      then: (key) => all(colon, partOf(rule), lazy({ ...next, heard: [...at.heard, key.slice(1, -1)].sort() }, false)),
    }
  }

  return all(
    text(sequence(literal(brackets.open), signs.inside)),
    lazy({ count: 0, next: 0, used: [], heard: [] }, true),
  )
}
