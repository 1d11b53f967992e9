import {
  badSchema,
  isList,
  isObject,
  isSchema,
  member,
  unsupported,
  type Json,
  type JsonObject,
  type Schema,
} from './json.js'
import type { Place } from './references.js'

/** Reads keywords of one schema; what has the wrong form is refused by name. */
export interface Keywords {
  readonly object: JsonObject
  readonly path: string
  has(name: string): boolean
  value(name: string): Json | undefined
  text(name: string): string | undefined
  number(name: string): number | undefined
  /** A whole number from 0. */
  count(name: string): number | undefined
  texts(name: string): readonly string[]
  schema(name: string): Schema | undefined
  schemas(name: string): readonly Schema[]
  named(name: string): readonly (readonly [string, Schema])[]
}

export function keywordsOf(object: JsonObject, { path }: Place): Keywords {
  const value = (name: string): Json | undefined => member(object, name)
  /** @throws G3Error `grammar/bad-schema` unless the value is of the kind */
  const read = <T extends Json>(name: string, want: string, is: (value: Json) => value is T): T | undefined => {
    const found = value(name)
    if (found === undefined || is(found)) return found
    throw badSchema(name, path, want)
  }
  return {
    object,
    path,
    value,
    has: (name) => value(name) !== undefined,
    text: (name) => read(name, 'a string', (found): found is string => typeof found === 'string'),
    number: (name) =>
      read(name, 'a number', (found): found is number => typeof found === 'number' && Number.isFinite(found)),
    count: (name) =>
      read(name, 'a whole number from 0', (found): found is number => Number.isInteger(found) && Number(found) >= 0),
    texts: (name) =>
      read(
        name,
        'a list of strings',
        (found): found is string[] => isList(found) && found.every((item) => typeof item === 'string'),
      ) ?? [],
    schema: (name) => read(name, 'a schema', isSchema),
    schemas: (name) =>
      read(
        name,
        'a list of schemas',
        (found): found is Schema[] => isList(found) && found.length > 0 && found.every(isSchema),
      ) ?? [],
    named: (name) => {
      const found = read(name, 'an object of schemas', isObject) ?? {}
      return Object.entries(found).map(([key, item]) => {
        if (!isSchema(item)) throw badSchema(`${name}/${key}`, path, 'a schema')
        return [key, item] as const
      })
    },
  }
}

/** Keywords that change what other schemas mean while a document is read. */
export function refuseDynamic({ has, path }: Keywords): void {
  for (const keyword of ['$dynamicRef', '$recursiveRef'])
    if (has(keyword)) throw unsupported(keyword, path, 'what it refers to depends on the way there: use $ref')
}
