import type { Automaton } from '../regular/automaton.js'
import { NONE, type Language } from '../regular/node.js'
import { unsupported } from './json.js'
import { oneOf } from './literals.js'
import type { ArrayDemand, ObjectDemand, Term } from './world.js'
import { NEVER } from './world.js'

const utf8 = new TextEncoder()

/** The content of a string, as JSON spells it. */
export const content = (text: string): string => JSON.stringify(text).slice(1, -1)

/** Names that no schema lists by themselves, and what their values must be. */
export interface OtherNames {
  /** Content of the names. */
  readonly keys: Language
  readonly terms: readonly Term[]
}

/** How the demands on objects bind each name. */
export interface NameDemands {
  readonly listed: readonly string[]
  termsOf(name: string): readonly Term[]
  others(): readonly OtherNames[]
}

/** Names fall into a class for each set of patterns that they match. */
const MOST_PATTERNS = 6

/**
 * @param anyText content of any string
 * @param namesIn the strings that meet a demand: those of propertyNames
 * @throws G3Error `grammar/unsupported` for too many patterns
 */
export function nameDemands(
  demands: readonly ObjectDemand[],
  automaton: Automaton,
  anyText: Language,
  namesIn: (term: Term) => Language,
): NameDemands {
  const { languages } = automaton
  const listed = [...new Set(demands.flatMap(({ names, required }) => [...names.keys(), ...required]))]
  const fitting = demands.flatMap(({ everyName }) => (everyName ? [namesIn(everyName)] : []))
  const matches = (keys: Language, name: string): boolean => automaton.matches(keys, utf8.encode(content(name)))

  /** @param isIn whether a name is among those of a pattern */
  const bound = (demand: ObjectDemand, own: Term | undefined, isIn: (keys: Language) => boolean): Term[] => {
    const terms = [...(own ? [own] : []), ...demand.patterns.filter(({ keys }) => isIn(keys)).map(({ term }) => term)]
    return terms.length === 0 && demand.others ? [demand.others] : terms
  }

  return {
    listed,
    termsOf(name) {
      if (fitting.some((keys) => !matches(keys, name))) return [NEVER]
      return demands.flatMap((demand) => bound(demand, demand.names.get(name), (keys) => matches(keys, name)))
    },
    others() {
      const patterns = [...new Set(demands.flatMap(({ patterns }) => patterns.map(({ keys }) => keys)))]
      if (patterns.length > MOST_PATTERNS) {
        const path = demands.flatMap(({ patterns }) => patterns)[0].term.place.path
        throw unsupported(
          'patternProperties',
          path,
          `${patterns.length} patterns bind the same objects; at most ${MOST_PATTERNS} are supported`,
        )
      }
      const unlisted = listed.length === 0 ? [] : [languages.not(oneOf(languages, listed.map(content)))]
      return Array.from({ length: 2 ** patterns.length }, (_, subset) => {
        const isIn = (keys: Language): boolean => ((subset >> patterns.indexOf(keys)) & 1) === 1
        const classes = patterns.map((keys) => (isIn(keys) ? keys : languages.not(keys)))
        const limits = [...unlisted, ...fitting, ...classes]
        return {
          keys: limits.length === 0 ? anyText : languages.intersection([anyText, ...limits]),
          terms: demands.flatMap((demand) => bound(demand, undefined, isIn)),
        }
      }).filter(({ keys, terms }) => !terms.some(isFalse) && !automaton.isEmpty(keys))
    },
  }
}

export const isFalse = ({ place, holds }: Term): boolean => place.schema === !holds

/** What binds the item at an index; `length` is where it is the same for all from there on. */
export function itemDemands(demands: readonly ArrayDemand[]): {
  readonly length: number
  termsAt(index: number): readonly Term[]
} {
  return {
    length: Math.max(0, ...demands.map(({ first }) => first.length)),
    termsAt: (index) =>
      demands.flatMap(({ first, rest }) => (index < first.length ? [first[index]] : rest ? [rest] : [])),
  }
}

/** Whether a language has so many texts at least. */
export function hasTexts(automaton: Automaton, language: Language, wanted: number): boolean {
  let found = 0
  let level = new Map<Language, number>([[language, 1]])
  while (level.size > 0 && found < wanted) {
    const next = new Map<Language, number>()
    for (const [state, ways] of level) {
      if (automaton.accepts(state)) found += ways
      for (const other of automaton.row(state)) if (other !== NONE) next.set(other, (next.get(other) ?? 0) + ways)
    }
    level = next
  }
  return found >= wanted
}
