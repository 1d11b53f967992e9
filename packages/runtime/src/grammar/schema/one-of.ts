import { isList, isObject, isSchema, member, type Json, type Schema } from './json.js'
import type { Place, References } from './references.js'
import type { Term } from './world.js'

const DEEPEST = 8

/** Names that the objects of a schema must have, and names that it lists, as far as $ref and allOf tell. */
interface Names {
  readonly required: Set<string>
  readonly listed: Set<string>
}

function namesOf(
  references: References,
  place: Place,
  depth = 0,
  into: Names = { required: new Set(), listed: new Set() },
): Names {
  const { schema } = place
  if (!isObject(schema) || depth > DEEPEST) return into
  const required = member(schema, 'required')
  if (isList(required)) for (const name of required) if (typeof name === 'string') into.required.add(name)
  const properties = member(schema, 'properties')
  if (isObject(properties)) for (const name of Object.keys(properties)) into.listed.add(name)
  const reference = member(schema, '$ref')
  if (typeof reference === 'string') namesOf(references, references.target(place, reference), depth + 1, into)
  const parts: Json | undefined = member(schema, 'allOf')
  if (isList(parts))
    for (const [i, part] of parts.entries())
      if (isSchema(part)) namesOf(references, references.below(place, part, 'allOf', i), depth + 1, into)
  return into
}

/** Makes the demands of one branch of oneOf that keep another one from holding, too. */
export function branchKeeper(references: References): (branch: Term, other: Term) => Term {
  const without = new Map<string, Schema>()
  /**
   * Where the other one requires a member that this one does not know, to leave that out is enough. It is less than could
   * be allowed (the member could be there and be wrong), but one way instead of many.
   */
  return (branch, other) => {
    const known = namesOf(references, branch.place)
    const needed = [...namesOf(references, other.place).required].find(
      (name) => !known.listed.has(name) && !known.required.has(name),
    )
    if (needed === undefined) return { ...other, holds: false }
    const schema = without.get(needed) ?? { type: 'object', properties: { [needed]: false } }
    without.set(needed, schema)
    return { place: { ...branch.place, schema }, holds: true }
  }
}
