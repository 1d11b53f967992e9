import { G3Error } from '@g3/backend'
import { isList, isObject, isSchema, member, unsupported, type Json, type JsonObject, type Schema } from './json.js'

/** A schema and what its references start from. */
export interface Place {
  readonly schema: Schema
  /** URI of the resource that it belongs to, without a fragment. */
  readonly base: string
  /** JSON Pointer from the document's root, as a fragment. */
  readonly path: string
}

export interface References {
  readonly root: Place
  /** The schema under a place: at a keyword, perhaps at a name or an index of it. */
  below(place: Place, schema: Schema, ...steps: readonly (string | number)[]): Place
  /** What `$ref` of a place refers to. @throws G3Error `grammar/unsupported` for schemas outside the document */
  target(place: Place, reference: string): Place
}

/** Keywords whose value holds schemas: one, or several by index or name. */
const HOLDERS = [
  'additionalItems',
  'additionalProperties',
  'allOf',
  'anyOf',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'oneOf',
  'prefixItems',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties',
]
const NAMED = new Set(['$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties', 'properties'])
const DEEPEST = 400
const MOST_SCHEMAS = 100_000
/** Documents without an `$id` of their own. */
const NAMELESS = 'schema://document/'

/** Finds identifiers and anchors in a document (JSON Schema Core 2020-12, section 8.2; `id` as in draft 4). */
export function references(document: Schema): References {
  const resources = new Map<string, Place>()
  const anchors = new Map<string, Place>()
  let count = 0

  const absolute = (reference: string, base: string): string => {
    try {
      return new URL(reference, base).href
    } catch {
      return reference
    }
  }

  const idOf = (schema: JsonObject): string | undefined => {
    const id = member(schema, '$id') ?? member(schema, 'id')
    return typeof id === 'string' && id !== '' ? id : undefined
  }

  const placeOf = (schema: Schema, base: string, path: string): Place => {
    const id = isObject(schema) ? idOf(schema) : undefined
    // In draft 4 an id of a fragment alone is an anchor.
    return { schema, path, base: id === undefined || id.startsWith('#') ? base : absolute(id, base).split('#')[0] }
  }

  const collect = (place: Place, depth: number): void => {
    const { schema, base, path } = place
    if (!isObject(schema)) return
    if (++count > MOST_SCHEMAS)
      throw new G3Error('grammar/too-large', `a document has more than ${MOST_SCHEMAS} schemas`)
    if (depth > DEEPEST) throw new G3Error('grammar/too-large', `schemas lie deeper than ${DEEPEST} at ${path}`)
    if (!resources.has(base)) resources.set(base, place)
    const id = idOf(schema)
    for (const anchor of [
      member(schema, '$anchor'),
      member(schema, '$dynamicAnchor'),
      id?.startsWith('#') ? id.slice(1) : undefined,
    ])
      if (typeof anchor === 'string') anchors.set(`${base}#${anchor}`, place)
    for (const holder of HOLDERS) {
      const held = member(schema, holder)
      if (held === undefined) continue
      const entries: readonly (readonly [string, Json])[] = isList(held)
        ? held.map((item, i) => [`/${i}`, item] as const)
        : NAMED.has(holder) && isObject(held)
          ? Object.entries(held).map(([name, item]) => [`/${escaped(name)}`, item] as const)
          : [['', held]]
      for (const [step, item] of entries)
        if (isObject(item)) collect(placeOf(item, base, `${path}/${holder}${step}`), depth + 1)
    }
  }

  const root = placeOf(document, NAMELESS, '#')
  resources.set(NAMELESS, root)
  resources.set(root.base, root)
  collect(root, 0)

  const target = (place: Place, reference: string): Place => {
    const uri = absolute(reference, place.base)
    const [base, fragment = ''] = uri.split('#')
    const anchor = anchors.get(`${base}#${fragment}`)
    if (anchor) return anchor
    const resource = resources.get(base) ?? (reference.startsWith('#') ? root : undefined)
    if (!resource) throw unsupported('$ref', place.path, `${reference} is not part of this document: put it into $defs`)
    const found = followPointer(resource, decode(fragment), placeOf)
    if (!found) throw unsupported('$ref', place.path, `${reference} leads to no schema`)
    return found
  }

  return {
    root,
    target,
    below: ({ base, path }, schema, ...steps) => placeOf(schema, base, [path, ...steps.map(escaped)].join('/')),
  }
}

function followPointer(
  from: Place,
  pointer: string,
  placeOf: (schema: Schema, base: string, path: string) => Place,
): Place | undefined {
  if (pointer === '') return from
  if (!pointer.startsWith('/')) return undefined
  let { base, path } = from
  let at: Json | undefined = from.schema
  for (const step of pointer.slice(1).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    at = isList(at) ? at[Number(name)] : isObject(at) ? member(at, name) : undefined
    path += `/${step}`
    if (isObject(at)) base = placeOf(at, base, path).base
  }
  return isSchema(at) ? { schema: at, base, path } : undefined
}

const escaped = (step: string | number): string => String(step).replaceAll('~', '~0').replaceAll('/', '~1')

function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment)
  } catch {
    return fragment
  }
}
