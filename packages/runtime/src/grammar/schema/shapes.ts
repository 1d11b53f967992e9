import { check } from '@g3/backend'
import { TOO_COMPLEX, type Automaton } from '../regular/automaton.js'
import { NONE, type Language } from '../regular/node.js'
import type { Json } from './json.js'
import { oneOf, written } from './literals.js'
import { isFalse, itemDemands, nameDemands } from './members.js'
import type { Reading } from './positive.js'
import type { Spacing } from './spacing.js'
import { closed } from './unevaluated.js'
import { TYPES, type ArrayDemand, type ObjectDemand, type Term, type World } from './world.js'
import type { Worlds } from './worlds.js'

/** A form that a value may take. Values inside are rules, by number: forms recur through them. */
export type Shape = { readonly kind: 'text'; readonly language: Language } | ObjectShape | ArrayShape

export interface ObjectShape {
  readonly kind: 'object'
  readonly names: readonly { readonly name: string; readonly rule: number; readonly required: boolean }[]
  readonly others: readonly { readonly keys: Language; readonly rule: number }[]
  readonly min: number
  readonly max: number
}

export interface ArrayShape {
  readonly kind: 'array'
  /** Of the items by index; the last one is that of all further ones. */
  readonly items: readonly ItemRules[]
  readonly min: number
  readonly max: number
  readonly unique: boolean
  /** How many items must be of their second rule. */
  readonly minMatches: number
  readonly maxMatches: number
  readonly path: string
}

export interface ItemRules {
  readonly plain: number
  /** For an item that counts as contained. */
  readonly matching: number | undefined
}

/** All rules of a schema; rule 0 is the schema itself. */
export interface Shapes {
  readonly rules: readonly (readonly Shape[])[]
}

const MOST_RULES = 10_000
/** Steps of the automaton while a schema is compiled: within a second. */
const MOST_WORK = 300_000

export interface ShapeParts {
  readonly automaton: Automaton
  readonly reading: Reading
  readonly worlds: Worlds
  readonly spacing: Spacing
  /** Whether objects of listed members take others that nothing is said of. */
  readonly open: boolean
  /** Whether a value meets a world's demands. */
  fits(value: Json, world: World): boolean
}

/** Follows a schema to all the values that it leads to. */
export function shapesOf(root: Term, { automaton, reading, worlds, spacing, open, fits }: ShapeParts): Shapes {
  const { languages } = automaton
  const rules: (readonly Shape[])[] = []
  const numberOf = new Map<string, number>()
  const waiting: (readonly Term[])[] = []

  const quote = languages.literal('"')
  const quoted = (inside: Language): Language => languages.sequence(quote, inside, quote)

  const ruleOf = (terms: readonly Term[]): number => {
    const key = worlds.keyOf(terms)
    const known = numberOf.get(key)
    if (known !== undefined) return known
    check(
      numberOf.size < MOST_RULES,
      'grammar/too-large',
      `this schema has more than ${MOST_RULES} different values in it`,
    )
    numberOf.set(key, waiting.push(terms) - 1)
    return waiting.length - 1
  }

  const shapes = (world: World): Shape[] => {
    const has = (type: keyof typeof TYPES): boolean => (world.types & TYPES[type]) !== 0
    if (world.values) {
      const values = world.values.filter((value) => fits(value, { ...world, values: undefined }))
      return values.length === 0
        ? []
        : [
            {
              kind: 'text',
              language: oneOf(
                languages,
                values.map((value) => written(value, spacing)),
              ),
            },
          ]
    }
    const { objects, arrays } = closed(world)
    const scalars = languages.union([
      has('null') ? languages.literal(spacing.words.null) : NONE,
      has('boolean') ? oneOf(languages, [spacing.words.true, spacing.words.false]) : NONE,
      has('number') ? numberLanguage(world, reading) : NONE,
      has('string') ? quoted(stringLanguage(world, reading)) : NONE,
    ])
    return [
      ...(automaton.isEmpty(scalars) ? [] : [{ kind: 'text', language: scalars } as const]),
      ...(has('object') ? objectShape(objects) : []),
      ...(has('array') ? arrayShape(arrays) : []),
    ]
  }

  const objectShape = (demands: readonly ObjectDemand[]): ObjectShape[] => {
    const { listed, termsOf, others } = nameDemands(demands, automaton, reading.anyText, namesIn)
    const required = new Set(demands.flatMap((demand) => demand.required))
    const min = Math.max(0, ...demands.map((demand) => demand.min))
    const max = Math.min(Infinity, ...demands.map((demand) => demand.max))
    const bound = listed.map((name) => ({ name, terms: termsOf(name), required: required.has(name) }))
    const possible = bound.filter(({ terms }) => !terms.some(isFalse))
    if (required.size > max || min > max || bound.some((entry) => entry.required && !possible.includes(entry)))
      return []
    const names = possible.map(({ name, terms, required }) => ({ name, required, rule: ruleOf(terms) }))
    const saysMore = demands.some((demand) => demand.others || demand.patterns.length > 0)
    const further = open || saysMore || listed.length === 0 ? others() : []
    return [
      { kind: 'object', names, min, max, others: further.map(({ keys, terms }) => ({ keys, rule: ruleOf(terms) })) },
    ]
  }

  const arrayShape = (demands: readonly ArrayDemand[]): ArrayShape[] => {
    const { length, termsAt } = itemDemands(demands)
    const contains = demands.flatMap((demand) => demand.contains ?? [])
    const min = Math.max(0, ...demands.map((demand) => demand.min), ...contains.map((demand) => demand.min))
    const firstFalse = Array.from({ length: length + 1 }, (_, i) => i).find((i) => termsAt(i).some(isFalse)) ?? Infinity
    const max = Math.min(firstFalse, ...demands.map((demand) => demand.max))
    if (min > max) return []
    const unique = demands.some((demand) => demand.unique) && max > 1
    const path = demands.find((demand) => demand.unique || demand.contains)?.path ?? '#'
    check(
      contains.length < 2,
      'grammar/unsupported',
      `contains at ${path} cannot be enforced: there are two for the same items`,
    )
    check(
      !unique || contains.length === 0,
      'grammar/unsupported',
      `contains at ${path} cannot be enforced beside uniqueItems`,
    )
    const [wanted] = contains
    const counts = wanted !== undefined && (wanted.min > 0 || wanted.max < Infinity)
    const items = Array.from({ length: length + 1 }, (_, i) => {
      const terms = termsAt(i)
      if (!counts) return { plain: ruleOf(terms), matching: undefined }
      const other = wanted.max < Infinity ? [...terms, { ...wanted.term, holds: !wanted.term.holds }] : terms
      return { plain: ruleOf(other), matching: ruleOf([...terms, wanted.term]) }
    })
    return [
      {
        kind: 'array',
        items: items.slice(0, Math.min(max, length) + 1),
        min,
        max,
        unique,
        minMatches: wanted?.min ?? 0,
        maxMatches: wanted?.max ?? Infinity,
        path,
      },
    ]
  }

  /** Content of the strings that meet a demand. */
  const namesIn = (term: Term): Language => {
    const found = worlds.of([term]).flatMap((world) => {
      if ((world.types & TYPES.string) === 0) return []
      if (!world.values) return [stringLanguage(world, reading)]
      return world.values
        .filter((value) => typeof value === 'string' && fits(value, world))
        .map((value) => languages.literal(JSON.stringify(value).slice(1, -1)))
    })
    return languages.union(found)
  }

  ruleOf([root])
  for (let rule = 0; rule < waiting.length; rule++) {
    rules.push(worlds.of(waiting[rule]).flatMap(shapes))
    check(automaton.work < MOST_WORK, 'grammar/too-large', TOO_COMPLEX)
  }
  return { rules }
}

function numberLanguage({ numbers: demands, integer }: World, { numbers, languages }: Reading): Language {
  if (demands.length === 0) return numbers.any
  if (integer && demands.length === 1) return numbers.digits
  return languages.intersection([...demands, integer ? numbers.digits : numbers.decimal])
}

/** The content of strings that meet a world's demands. */
function stringLanguage({ strings, minLength, maxLength }: World, { languages, character }: Reading): Language {
  if (minLength > maxLength) return NONE
  const counted = minLength > 0 || maxLength < Infinity
  if (strings.length === 0 || counted)
    return languages.intersection([...strings, languages.repeat(character, minLength, maxLength)])
  return languages.intersection(strings)
}
