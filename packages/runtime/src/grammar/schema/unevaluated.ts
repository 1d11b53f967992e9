import { unsupported } from './json.js'
import {
  ALWAYS,
  NO_ARRAY_DEMAND,
  NO_OBJECT_DEMAND,
  type ArrayDemand,
  type ObjectDemand,
  type OpenDemand,
  type Scoped,
  type World,
} from './world.js'

/**
 * The demands of a world, with what unevaluatedProperties and unevaluatedItems come to in it: in one world all schemas
 * that hold are known, and with them what they evaluate.
 * @throws G3Error `grammar/unsupported` for `contains` beside unevaluatedItems
 */
export function closed(world: World): {
  readonly objects: readonly ObjectDemand[]
  readonly arrays: readonly ArrayDemand[]
} {
  const objects = world.objects.map(({ demand }) => demand)
  const arrays = world.arrays.map(({ demand }) => demand)
  for (const open of world.open) {
    const scope = open.scopes[open.scopes.length - 1]
    const sees = ({ scopes }: { readonly scopes: readonly number[] }): boolean => scopes.includes(scope)
    // A schema further inside that has the same keyword evaluates all that there is.
    if (world.open.some((other) => other !== open && other.keyword === open.keyword && sees(other))) continue
    if (open.keyword === 'unevaluatedProperties') objects.push(...openObject(world.objects.filter(sees), open))
    else arrays.push(...openArray(world.arrays.filter(sees), open))
  }
  return { objects, arrays }
}

function openObject(seen: readonly Scoped<ObjectDemand>[], { term }: OpenDemand): ObjectDemand[] {
  const demands = seen.map(({ demand }) => demand)
  if (demands.some(({ others }) => others)) return []
  return [
    {
      ...NO_OBJECT_DEMAND,
      names: new Map(demands.flatMap(({ names }) => [...names.keys()].map((name) => [name, ALWAYS] as const))),
      patterns: demands.flatMap(({ patterns }) => patterns.map(({ keys }) => ({ keys, term: ALWAYS }))),
      others: term,
    },
  ]
}

function openArray(seen: readonly Scoped<ArrayDemand>[], { term, keyword }: OpenDemand): ArrayDemand[] {
  const demands = seen.map(({ demand }) => demand)
  if (demands.some(({ rest }) => rest)) return []
  if (demands.some(({ contains }) => contains))
    throw unsupported(keyword, term.place.path, 'contains beside it evaluates items, too')
  const count = Math.max(0, ...demands.map(({ first }) => first.length))
  return [{ ...NO_ARRAY_DEMAND, first: Array.from({ length: count }, () => ALWAYS), rest: term }]
}
