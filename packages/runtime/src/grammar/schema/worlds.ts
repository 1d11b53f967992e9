import { check } from '@g3/backend'
import { canonical, isList, isObject, member, unsupported, type Schema } from './json.js'
import { keywordsOf, refuseDynamic, type Keywords } from './keywords.js'
import { failures } from './negative.js'
import { branchKeeper } from './one-of.js'
import {
  arrayDemand,
  listedValues,
  numberDemands,
  objectDemand,
  stringDemands,
  typeDemand,
  type Reading,
} from './positive.js'
import type { Place, References } from './references.js'
import { EVERYTHING, type Term, type World } from './world.js'

/** The ways to satisfy demands that hold together. */
export interface Worlds {
  /** @throws G3Error `grammar/unsupported`, `grammar/bad-schema`, `grammar/too-large` */
  of(terms: readonly Term[]): readonly World[]
  /** Demands as a text that equal demands share. */
  keyOf(terms: readonly Term[]): string
}

/** A world that is not read to its end yet. */
interface Draft {
  readonly world: World
  /** Demands to read, the last one first, and the schemas that they stand in. */
  readonly waiting: readonly Waiting[]
  readonly seen: ReadonlySet<string>
}

interface Waiting {
  readonly term: Term
  readonly scopes: readonly number[]
}

/** Demands that all compilations of one document may read. */
const MOST_STEPS = 100_000
const MOST_WORLDS = 2_000

/** @param excludes whether two schemas can never hold together, so that a choice between them needs no more said */
export function worlds(references: References, reading: Reading, excludes: (a: Term, b: Term) => boolean): Worlds {
  const numberOf = new Map<object, number>()
  const keep = branchKeeper(references)
  let steps = 0

  const idOf = ({ place: { schema, base }, holds }: Term): string => {
    if (typeof schema === 'boolean') return String(schema === holds)
    const known = numberOf.get(schema) ?? numberOf.size
    numberOf.set(schema, known)
    return `${holds ? '' : '-'}${known}${base}`
  }

  const read = (terms: readonly Term[]): World[] => {
    const found: World[] = []
    const drafts: Draft[] = [
      { world: EVERYTHING, waiting: terms.map((term) => ({ term, scopes: [] })).reverse(), seen: new Set() },
    ]
    for (let draft = drafts.pop(); draft; draft = drafts.pop()) {
      check(
        ++steps < MOST_STEPS,
        'grammar/too-large',
        'this schema combines too many others: use fewer of anyOf, oneOf, allOf and not in one place',
      )
      const next = draft.waiting.at(-1)
      if (!next) {
        found.push(draft.world)
        check(
          found.length < MOST_WORLDS,
          'grammar/too-large',
          `${terms[0]?.place.path ?? '#'} can be satisfied in more than ${MOST_WORLDS} ways: use fewer choices in one place`,
        )
        continue
      }
      const id = idOf(next.term)
      const rest: Draft = { ...draft, waiting: draft.waiting.slice(0, -1) }
      if (id === 'true' || draft.seen.has(id)) drafts.push(rest)
      else if (id !== 'false') drafts.push(...step({ ...rest, seen: new Set(draft.seen).add(id) }, next).reverse())
    }
    return found
  }

  /** Reads one demand: the drafts that it leads to. */
  const step = (draft: Draft, { term: { place, holds }, scopes }: Waiting): Draft[] => {
    if (!isObject(place.schema)) return [draft]
    const keywords = keywordsOf(place.schema, place)
    refuseDynamic(keywords)
    const inner = [...scopes, numberOf.get(place.schema) ?? 0]
    const ways = inPlace(keywords, place, holds, references, excludes, keep)
    if (holds) {
      const own = affirmed(draft.world, keywords, place, inner)
      if (own.types === 0) return []
      return product(ways.positive).map((terms) => ({ ...draft, world: own, waiting: waitingFor(draft, terms, inner) }))
    }
    const listed = draft.world.objects.flatMap(({ demand }) => [...demand.names.keys()])
    const own = failures(keywords, reading, termBelow(place, true), termBelow(place, false), listed)
    return [
      ...own.flatMap((way) => {
        const world = joined(draft.world, way)
        return world.types === 0 ? [] : [{ ...draft, world }]
      }),
      ...ways.negative.map((terms) => ({ ...draft, waiting: waitingFor(draft, terms, []) })),
    ]
  }

  const waitingFor = ({ waiting }: Draft, terms: readonly Term[], scopes: readonly number[]): Waiting[] => {
    const sorted = terms.toSorted((a, b) => Number(a.holds) - Number(b.holds))
    // What must not hold is read last: it is mostly known by then that it does not.
    const negative = sorted.filter(({ holds }) => !holds).map((term) => ({ term, scopes }))
    const positive = sorted.filter(({ holds }) => holds).map((term) => ({ term, scopes }))
    return [...negative, ...waiting, ...positive.reverse()]
  }

  const termBelow =
    (place: Place, holds: boolean) =>
    (schema: Schema, ...path: readonly (string | number)[]): Term => ({
      place: references.below(place, schema, ...path),
      holds,
    })

  /** A world in which a schema's own keywords hold, too. */
  const affirmed = (world: World, keywords: Keywords, place: Place, scopes: readonly number[]): World => {
    const term = termBelow(place, true)
    const type = typeDemand(keywords)
    const objects = objectDemand(keywords, reading, term)
    const arrays = arrayDemand(keywords, term)
    const open = (['unevaluatedProperties', 'unevaluatedItems'] as const).flatMap((keyword) => {
      const schema = keywords.schema(keyword)
      return schema === undefined ? [] : [{ keyword, scopes, term: term(schema, keyword) }]
    })
    const added: Partial<World> = {
      ...(type && { types: type.types }),
      integer: type?.integer === true,
      numbers: [...(type?.integer ? [reading.numbers.whole] : []), ...numberDemands(keywords, reading)],
      strings: stringDemands(keywords, reading),
      minLength: keywords.count('minLength') ?? 0,
      maxLength: keywords.count('maxLength') ?? Infinity,
      objects: objects ? [{ demand: objects, scopes }] : [],
      arrays: arrays ? [{ demand: arrays, scopes }] : [],
      open,
    }
    return (['enum', 'const'] as const).reduce(
      (all, keyword) => {
        const values = listedValues(keywords, keyword)
        return values ? joined(all, { values }) : all
      },
      joined(world, added),
    )
  }

  return {
    of: read,
    keyOf: (terms) => [...new Set(terms.map(idOf))].sort().join(),
  }
}

function joined(a: World, b: Partial<World>): World {
  return {
    types: a.types & (b.types ?? a.types),
    integer: a.integer || b.integer === true,
    values: a.values && b.values ? common(a.values, b.values) : (a.values ?? b.values),
    numbers: [...a.numbers, ...(b.numbers ?? [])],
    strings: [...a.strings, ...(b.strings ?? [])],
    minLength: Math.max(a.minLength, b.minLength ?? 0),
    maxLength: Math.min(a.maxLength, b.maxLength ?? Infinity),
    objects: [...a.objects, ...(b.objects ?? [])],
    arrays: [...a.arrays, ...(b.arrays ?? [])],
    open: [...a.open, ...(b.open ?? [])],
  }
}

/** Demands of schemas that apply in place: one of each group of ways, where the schema holds; all ways to fail otherwise. */
function inPlace(
  keywords: Keywords,
  place: Place,
  holds: boolean,
  references: References,
  excludes: (a: Term, b: Term) => boolean,
  keep: (branch: Term, other: Term) => Term,
): { readonly positive: readonly (readonly Term[])[][]; readonly negative: readonly (readonly Term[])[] } {
  const { text, schema, schemas, object } = keywords
  const positive: (readonly Term[])[][] = []
  const negative: (readonly Term[])[] = []
  const make = (item: Schema, ...steps: readonly (string | number)[]): Term => ({
    place: references.below(place, item, ...steps),
    holds: true,
  })
  const not = (term: Term): Term => ({ ...term, holds: !term.holds })
  const always = (term: Term): void => {
    positive.push([[term]])
    negative.push([not(term)])
  }

  const reference = text('$ref')
  if (reference !== undefined) always({ place: references.target(place, reference), holds: true })
  for (const [i, item] of schemas('allOf').entries()) always(make(item, 'allOf', i))
  const anyOf = schemas('anyOf').map((item, i) => make(item, 'anyOf', i))
  if (anyOf.length > 0) {
    positive.push(anyOf.map((term) => [term]))
    negative.push(anyOf.map(not))
  }
  const oneOf = schemas('oneOf').map((item, i) => make(item, 'oneOf', i))
  if (oneOf.length > 0) {
    if (holds)
      positive.push(
        oneOf.map((term) => [
          term,
          ...oneOf.filter((other) => other !== term && !excludes(term, other)).map((other) => keep(term, other)),
        ]),
      )
    else {
      negative.push(oneOf.map(not))
      for (const [i, a] of oneOf.entries()) for (const b of oneOf.slice(i + 1)) negative.push([a, b])
    }
  }
  const forbidden = schema('not')
  if (forbidden !== undefined) always(not(make(forbidden, 'not')))
  const condition = schema('if')
  if (condition !== undefined) {
    const [given, then, otherwise] = [
      make(condition, 'if'),
      make(schema('then') ?? true, 'then'),
      make(schema('else') ?? true, 'else'),
    ]
    positive.push([
      [given, then],
      [not(given), otherwise],
    ])
    negative.push([given, not(then)], [not(given), not(otherwise)])
  }
  for (const keyword of ['dependentRequired', 'dependentSchemas', 'dependencies']) {
    const found = member(object, keyword)
    if (found === undefined) continue
    if (!isObject(found)) throw unsupported(keyword, place.path, 'it must be an object')
    for (const [name, demand] of Object.entries(found)) {
      const needed: Schema = isList(demand)
        ? { required: demand }
        : typeof demand === 'string'
          ? { required: [demand] }
          : isObject(demand) || typeof demand === 'boolean'
            ? demand
            : true
      const [given, then] = [make({ type: 'object', required: [name] }, keyword, name), make(needed, keyword, name)]
      positive.push([[not(given)], [given, then]])
      negative.push([given, not(then)])
    }
  }
  return { positive, negative }
}

/** One way of each group, in all combinations. */
function product(groups: readonly (readonly Term[])[][]): (readonly Term[])[] {
  const most = groups.reduce((count, { length }) => count * length, 1)
  check(
    most < MOST_WORLDS,
    'grammar/too-large',
    'a schema combines more than 2,000 choices in one place: use fewer of anyOf and oneOf side by side',
  )
  return groups.reduce<(readonly Term[])[]>(
    (all, group) => all.flatMap((terms) => group.map((way) => [...terms, ...way])),
    [[]],
  )
}

function common(a: NonNullable<World['values']>, b: NonNullable<World['values']>): NonNullable<World['values']> {
  const keys = new Set(b.map(canonical))
  return a.filter((value) => keys.has(canonical(value)))
}
