import { check } from '@g3/backend'
import { any, IMPOSSIBLE, type Grammar, type Part } from './part.js'

/**
 * Takes out the ways that no text ends, so that whatever is left can be completed. For grammars whose parts are all
 * known from the start.
 * @throws G3Error `grammar/empty` where nothing is left
 */
export function pruned({ automaton, rules, root }: Grammar): Grammar {
  const productive = new Set<number>()
  const ends = (part: Part): boolean => {
    switch (part.kind) {
      case 'text':
        return !automaton.isEmpty(part.language)
      case 'all':
        return part.parts.every(ends)
      case 'any':
        return part.parts.some(ends)
      case 'rule':
        return productive.has(part.rule)
      case 'lazy':
      case 'heard':
        return true
      default:
        return part satisfies never
    }
  }
  for (let before = -1; before < productive.size;) {
    before = productive.size
    for (const [rule, body] of rules.entries()) if (!productive.has(rule) && ends(body)) productive.add(rule)
  }
  const without = (part: Part): Part => {
    if (part.kind === 'any') return any(part.parts.filter(ends).map(without))
    if (part.kind === 'all') return { kind: 'all', parts: part.parts.map(without) }
    return part
  }
  check(ends(root), 'grammar/empty', 'no text fits: its rules only lead on to themselves, or contradict each other')
  return {
    automaton,
    root: without(root),
    rules: rules.map((body, rule) => (productive.has(rule) ? without(body) : IMPOSSIBLE)),
  }
}
