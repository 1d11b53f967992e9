import { canonical, isList, isObject, type Json } from './json.js'
import type { Keywords } from './keywords.js'
import {
  arrayDemand,
  listedValues,
  numberDemands,
  objectDemand,
  stringDemands,
  typeDemand,
  type Reading,
  type TermMaker,
} from './positive.js'
import {
  ALWAYS,
  EVERY_TYPE,
  EVERYTHING,
  NO_ARRAY_DEMAND,
  NEVER,
  NO_OBJECT_DEMAND,
  TYPES,
  type ObjectDemand,
  type Term,
  type World,
} from './world.js'

/**
 * The ways in which a schema can fail by its own keywords (those that apply schemas in place are seen to elsewhere). Ways
 * that cannot be told from left to right are left out: what remains is narrower, never wrong.
 * @param holds,fails make demands of the schemas below a keyword
 * @param listedNames names that schemas of the same world list: this one may not allow some of them
 */
export function failures(
  keywords: Keywords,
  reading: Reading,
  holds: TermMaker,
  fails: TermMaker,
  listedNames: readonly string[],
): Partial<World>[] {
  const { languages, numbers, anyText } = reading
  const ways: Partial<World>[] = []
  const type = typeDemand(keywords)
  if (type) {
    ways.push({ types: EVERY_TYPE & ~type.types })
    if (type.integer) ways.push({ types: TYPES.number, numbers: [numbers.exact, languages.not(numbers.whole)] })
  }
  for (const keyword of ['enum', 'const'] as const) {
    const values = listedValues(keywords, keyword)
    if (values) ways.push(...otherThan(values, reading))
  }
  for (const language of numberDemands(keywords, reading))
    ways.push({ types: TYPES.number, numbers: [numbers.exact, languages.not(language)] })
  for (const language of stringDemands(keywords, reading))
    ways.push({ types: TYPES.string, strings: [anyText, languages.not(language)] })
  const shortest = keywords.count('minLength') ?? 0
  const longest = keywords.count('maxLength')
  if (shortest > 0) ways.push({ types: TYPES.string, maxLength: shortest - 1 })
  if (longest !== undefined) ways.push({ types: TYPES.string, minLength: longest + 1 })
  const objects = objectDemand(keywords, reading, holds)
  if (objects) for (const demand of objectFailures(objects, keywords, fails, listedNames)) ways.push(objectWay(demand))
  const arrays = arrayDemand(keywords, holds)
  if (arrays) {
    const way = (demand: Partial<typeof NO_ARRAY_DEMAND>): void =>
      void ways.push({ types: TYPES.array, arrays: [{ demand: { ...NO_ARRAY_DEMAND, ...demand }, scopes: [] }] })
    if (arrays.min > 0) way({ max: arrays.min - 1 })
    if (arrays.max < Infinity) way({ min: arrays.max + 1 })
    const negated = (term: Term): Term => ({ ...term, holds: !term.holds })
    for (const [i, term] of arrays.first.entries())
      way({ first: [...arrays.first.slice(0, i).map(() => ALWAYS), negated(term)], min: i + 1 })
    if (arrays.rest && arrays.first.length === 0)
      way({ contains: { term: negated(arrays.rest), min: 1, max: Infinity } })
    if (arrays.contains && arrays.contains.min > 0)
      way({ contains: { ...arrays.contains, min: 0, max: arrays.contains.min - 1 } })
  }
  return ways
}

const objectWay = (demand: Partial<ObjectDemand>): Partial<World> => ({
  types: TYPES.object,
  objects: [{ demand: { ...NO_OBJECT_DEMAND, ...demand }, scopes: [] }],
})

function* objectFailures(
  demand: ObjectDemand,
  keywords: Keywords,
  fails: TermMaker,
  listedNames: readonly string[],
): Generator<Partial<ObjectDemand>> {
  for (const name of demand.required) yield { names: new Map([[name, NEVER]]) }
  for (const [name, schema] of keywords.named('properties'))
    yield { names: new Map([[name, fails(schema, 'properties', name)]]), required: [name] }
  if (demand.min > 0) yield { max: demand.min - 1 }
  if (demand.max < Infinity) yield { min: demand.max + 1 }
  const others = keywords.schema('additionalProperties')
  if (others === undefined || demand.patterns.length > 0) return
  for (const name of listedNames)
    if (!demand.names.has(name))
      yield { names: new Map([[name, fails(others, 'additionalProperties')]]), required: [name] }
}

/** Values that are none of the listed ones. */
function otherThan(values: readonly Json[], { languages, numbers, anyText }: Reading): Partial<World>[] {
  const isType = (value: Json): keyof typeof TYPES =>
    value === null
      ? 'null'
      : isList(value)
        ? 'array'
        : isObject(value)
          ? 'object'
          : typeof value === 'boolean'
            ? 'boolean'
            : typeof value === 'number'
              ? 'number'
              : 'string'
  // Of objects and arrays only all or none.
  const touched = values.reduce<number>((bits, value) => bits | TYPES[isType(value)], 0)
  const ways: Partial<World>[] = [{ types: EVERY_TYPE & ~touched }]
  const of = (type: keyof typeof TYPES): readonly Json[] => values.filter((value) => isType(value) === type)
  const strings = of('string')
  if (strings.length > 0)
    ways.push({
      types: TYPES.string,
      strings: [
        anyText,
        ...strings.map((value) => languages.not(languages.literal(JSON.stringify(value).slice(1, -1)))),
      ],
    })
  const listed = of('number').filter((value) => typeof value === 'number')
  if (listed.length > 0)
    ways.push({
      types: TYPES.number,
      numbers: [numbers.exact, ...listed.map((value) => languages.not(numbers.value(value)))],
    })
  const booleans = new Set(of('boolean').map(canonical))
  if (booleans.size === 1) ways.push({ ...EVERYTHING, types: TYPES.boolean, values: [!booleans.has('true')] })
  return ways
}
