import type { Language } from '../regular/node.js'
import type { Json } from './json.js'
import type { Place } from './references.js'

/** A demand: that a schema holds, or that it does not. */
export interface Term {
  readonly place: Place
  readonly holds: boolean
}

/** The demand that anything meets; the one that nothing does. */
export const ALWAYS: Term = { place: { schema: true, base: '', path: '#' }, holds: true }
export const NEVER: Term = { ...ALWAYS, holds: false }

export const TYPES = { null: 1, boolean: 2, number: 4, string: 8, array: 16, object: 32 } as const
export const EVERY_TYPE = 63

/** What one schema says of objects. */
export interface ObjectDemand {
  readonly names: ReadonlyMap<string, Term>
  readonly patterns: readonly { readonly keys: Language; readonly term: Term }[]
  /** Of names that are neither listed nor match a pattern. */
  readonly others: Term | undefined
  readonly everyName: Term | undefined
  readonly required: readonly string[]
  readonly min: number
  readonly max: number
}

/** What one schema says of arrays. */
export interface ArrayDemand {
  /** Where it says so. */
  readonly path: string
  readonly first: readonly Term[]
  /** Of the items after the first ones. */
  readonly rest: Term | undefined
  readonly min: number
  readonly max: number
  readonly unique: boolean
  readonly contains: { readonly term: Term; readonly min: number; readonly max: number } | undefined
}

/** Demands that hold together: one way to satisfy a schema. A demand binds values of its own type only. */
export interface World {
  readonly types: number
  /** Whole numbers are written without a point. */
  readonly integer: boolean
  /** The only values that there are; undefined where nothing lists them. */
  readonly values: readonly Json[] | undefined
  readonly numbers: readonly Language[]
  readonly strings: readonly Language[]
  /** In characters. */
  readonly minLength: number
  readonly maxLength: number
  readonly objects: readonly Scoped<ObjectDemand>[]
  readonly arrays: readonly Scoped<ArrayDemand>[]
  /** Places whose unevaluated members wait for the whole world to be known. */
  readonly open: readonly OpenDemand[]
}

/** A demand on the members of an object or array that no schema in its scope evaluates. */
export interface OpenDemand {
  readonly keyword: 'unevaluatedProperties' | 'unevaluatedItems'
  readonly term: Term
  /** The last one is that of the demand itself. */
  readonly scopes: readonly number[]
}

/** A demand, and the schemas that see what it evaluates: those that it stands in. */
export interface Scoped<Demand> {
  readonly demand: Demand
  readonly scopes: readonly number[]
}

export const EVERYTHING: World = {
  types: EVERY_TYPE,
  integer: false,
  values: undefined,
  numbers: [],
  strings: [],
  minLength: 0,
  maxLength: Infinity,
  objects: [],
  arrays: [],
  open: [],
}

export const NO_OBJECT_DEMAND: ObjectDemand = {
  names: new Map(),
  patterns: [],
  others: undefined,
  everyName: undefined,
  required: [],
  min: 0,
  max: Infinity,
}
export const NO_ARRAY_DEMAND: ArrayDemand = {
  path: '#',
  first: [],
  rest: undefined,
  min: 0,
  max: Infinity,
  unique: false,
  contains: undefined,
}
