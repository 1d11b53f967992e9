import { character, EVERY } from '../regular/code-points.js'
import type { Languages } from '../regular/languages.js'
import type { Language } from '../regular/node.js'
import { regexLanguage } from '../regex/compile.js'
import { FORMATS } from './formats.js'
import { badSchema, isList, isSchema, unsupported, type Json, type Schema } from './json.js'
import type { Keywords } from './keywords.js'
import type { Numbers } from './numbers.js'
import { TYPES, type ArrayDemand, type ObjectDemand, type Term } from './world.js'

/** What the schemas of one document are read with. */
export interface Reading {
  readonly languages: Languages
  readonly numbers: Numbers
  /** One character of a string's content, and any content. */
  readonly character: Language
  readonly anyText: Language
  /** A regular expression over the content of a string, as JSON spells it. */
  pattern(source: string, keyword: string, path: string): Language
}

export function reading(languages: Languages, numbers: Numbers): Reading {
  const patterns = new Map<string, Language>()
  const one = character(languages, EVERY, 'json')
  return {
    languages,
    numbers,
    character: one,
    anyText: languages.universe(languages.repeat(one, 0, Infinity)),
    pattern(source, keyword, path) {
      const known = patterns.get(source)
      if (known !== undefined) return known
      try {
        const found = regexLanguage(languages, source, 'json')
        patterns.set(source, found)
        return found
      } catch (cause) {
        throw unsupported(keyword, path, cause instanceof Error ? cause.message : String(cause))
      }
    },
  }
}

export interface TypeDemand {
  readonly types: number
  /** Of numbers whole ones only. */
  readonly integer: boolean
}

export function typeDemand(keywords: Keywords): TypeDemand | undefined {
  const found = keywords.value('type')
  if (found === undefined) return undefined
  const listed = isList(found) ? found : [found]
  const names = listed.filter((item) => typeof item === 'string')
  const bitOf = (name: string): number => {
    // Draft 3 had `any`, and tools still write it.
    if (name === 'any') return 63
    if (name === 'integer') return TYPES.number
    const bit = Object.entries(TYPES).find(([type]) => type === name)?.[1]
    if (bit === undefined)
      throw badSchema('type', keywords.path, `out of ${Object.keys(TYPES).join(', ')}, integer; it is ${name}`)
    return bit
  }
  if (names.length < listed.length || names.length === 0)
    throw badSchema('type', keywords.path, 'a name, or a list of names')
  return {
    types: names.reduce((bits, name) => bits | bitOf(name), 0),
    integer: names.includes('integer') && !names.includes('number') && !names.includes('any'),
  }
}

/** The values of `enum` and `const`, where there are any. */
export function listedValues(keywords: Keywords, keyword: 'enum' | 'const'): readonly Json[] | undefined {
  const found = keywords.value(keyword)
  if (found === undefined || keyword === 'const') return found === undefined ? undefined : [found]
  if (!isList(found)) throw badSchema('enum', keywords.path, 'a list of values')
  return found
}

/** The languages of each keyword about numbers. */
export function numberDemands(keywords: Keywords, { numbers }: Reading): Language[] {
  const { number, value, path } = keywords
  const found: Language[] = []
  /** In draft 4 an exclusive bound is a flag beside the bound. */
  const flag = (name: string): boolean => value(name) === true
  const exclusive = (name: string): number | undefined => (typeof value(name) === 'boolean' ? undefined : number(name))
  const minimum = number('minimum')
  const maximum = number('maximum')
  const above = exclusive('exclusiveMinimum')
  const below = exclusive('exclusiveMaximum')
  if (minimum !== undefined) found.push(numbers.atLeast(minimum, !flag('exclusiveMinimum')))
  if (maximum !== undefined) found.push(numbers.atMost(maximum, !flag('exclusiveMaximum')))
  if (above !== undefined) found.push(numbers.atLeast(above, false))
  if (below !== undefined) found.push(numbers.atMost(below, false))
  for (const keyword of ['multipleOf', 'divisibleBy']) {
    const factor = number(keyword)
    if (factor === undefined) continue
    if (factor <= 0) throw badSchema(keyword, path, 'above 0')
    const multiples = numbers.multipleOf(factor)
    if (multiples === undefined) throw unsupported(keyword, path, `${factor} has too many digits`)
    found.push(multiples)
  }
  return found
}

/** The languages of `pattern` and `format`. */
export function stringDemands({ text, path }: Keywords, { pattern }: Reading): Language[] {
  const source = text('pattern')
  const format = FORMATS.get(text('format') ?? '')
  return [
    ...(source === undefined ? [] : [pattern(source, 'pattern', path)]),
    ...(format === undefined ? [] : [pattern(`^(?:${format})$`, 'format', path)]),
  ]
}

const OBJECT_KEYWORDS = [
  'properties',
  'patternProperties',
  'additionalProperties',
  'propertyNames',
  'required',
  'minProperties',
  'maxProperties',
]

/** @param term the demand that a schema below the keyword holds */
export function objectDemand(keywords: Keywords, { pattern }: Reading, term: TermMaker): ObjectDemand | undefined {
  if (!OBJECT_KEYWORDS.some(keywords.has)) return undefined
  const { schema, named, path } = keywords
  const others = schema('additionalProperties')
  const everyName = schema('propertyNames')
  return {
    names: new Map(named('properties').map(([name, item]) => [name, term(item, 'properties', name)])),
    patterns: named('patternProperties').map(([source, item]) => ({
      keys: pattern(source, 'patternProperties', path),
      term: term(item, 'patternProperties', source),
    })),
    others: others === undefined ? undefined : term(others, 'additionalProperties'),
    everyName: everyName === undefined ? undefined : term(everyName, 'propertyNames'),
    // Draft 3 marked a property itself as required.
    required: typeof keywords.value('required') === 'boolean' ? [] : keywords.texts('required'),
    min: keywords.count('minProperties') ?? 0,
    max: keywords.count('maxProperties') ?? Infinity,
  }
}

export type TermMaker = (schema: Schema, ...steps: readonly (string | number)[]) => Term

const ARRAY_KEYWORDS = ['prefixItems', 'items', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems', 'contains']

export function arrayDemand(keywords: Keywords, term: TermMaker): ArrayDemand | undefined {
  if (!ARRAY_KEYWORDS.some(keywords.has)) return undefined
  const { schema, schemas, count, value } = keywords
  const items = value('items')
  // Before draft 2020-12 a list of items was what prefixItems is now, and additionalItems came after it.
  const isTuple = isList(items)
  const first = isTuple ? items.filter(isSchema) : schemas('prefixItems')
  const restName = isTuple ? 'additionalItems' : 'items'
  const rest = schema(restName)
  const contains = schema('contains')
  return {
    path: keywords.path,
    first: first.map((item, i) => term(item, isTuple ? 'items' : 'prefixItems', i)),
    rest: rest === undefined ? undefined : term(rest, restName),
    min: count('minItems') ?? 0,
    max: count('maxItems') ?? Infinity,
    unique: value('uniqueItems') === true,
    contains:
      contains === undefined
        ? undefined
        : { term: term(contains, 'contains'), min: count('minContains') ?? 1, max: count('maxContains') ?? Infinity },
  }
}
