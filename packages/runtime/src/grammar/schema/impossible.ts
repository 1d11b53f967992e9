import type { Automaton } from '../regular/automaton.js'
import { NONE } from '../regular/node.js'
import { isFalse, nameDemands } from './members.js'
import { closed } from './unevaluated.js'
import { TYPES, type Term, type World } from './world.js'
import type { Worlds } from './worlds.js'

/** How deep the search for a contradiction goes into required members. */
const DEEPEST = 2

/**
 * Finds out cheaply that two schemas exclude each other: by their types, by the values that they list, or by such a
 * contradiction in a member that both of them require. False where that is not plain.
 */
export function excluder(
  automaton: Automaton,
  worlds: () => Worlds,
  fits: (world: World) => boolean,
): (a: Term, b: Term) => boolean {
  const known = new Map<string, boolean>()
  let depth = 0

  const never = (terms: readonly Term[]): boolean => {
    if (depth >= DEEPEST) return terms.some(isFalse)
    const key = `${depth}|${worlds().keyOf(terms)}`
    const found = known.get(key)
    if (found !== undefined) return found
    depth++
    try {
      const result = worlds().of(terms).every(isContradiction)
      known.set(key, result)
      return result
    } finally {
      depth--
    }
  }

  const isContradiction = (world: World): boolean => {
    if (world.values) return !fits(world)
    if ((world.types & ~(TYPES.object | TYPES.number)) !== 0) return false
    if ((world.types & TYPES.number) !== 0 && !automaton.isEmpty(automaton.languages.intersection([...world.numbers])))
      return false
    if ((world.types & TYPES.object) === 0) return true
    const { objects } = closed(world)
    const names = nameDemands(
      objects.map((demand) => ({ ...demand, everyName: undefined })),
      automaton,
      NONE,
      () => NONE,
    )
    return objects.flatMap(({ required }) => required).some((name) => never(names.termsOf(name)))
  }
  return (a, b) => never([a, b])
}
