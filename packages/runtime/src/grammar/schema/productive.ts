import type { Automaton } from '../regular/automaton.js'
import { hasTexts } from './members.js'
import type { ArrayShape, ObjectShape, Shape, Shapes } from './shapes.js'

/** The rules that some finite value meets. Whatever leads to others must not be begun. */
export function productiveRules({ rules }: Shapes, automaton: Automaton): ReadonlySet<number> {
  const found = new Set<number>()
  for (let before = -1; before < found.size;) {
    before = found.size
    for (const [rule, shapes] of rules.entries())
      if (!found.has(rule) && shapes.some((shape) => isProductive(shape, found, automaton))) found.add(rule)
  }
  return found
}

export function isProductive(shape: Shape, rules: ReadonlySet<number>, automaton: Automaton): boolean {
  switch (shape.kind) {
    case 'text':
      return true
    case 'object':
      return objectIs(shape, rules, automaton)
    case 'array':
      return arrayIs(shape, rules)
    default:
      return shape satisfies never
  }
}

function objectIs({ names, others, min }: ObjectShape, rules: ReadonlySet<number>, automaton: Automaton): boolean {
  if (names.some(({ required, rule }) => required && !rules.has(rule))) return false
  const missing = min - names.filter(({ rule }) => rules.has(rule)).length
  if (missing <= 0) return true
  const keys = others.filter(({ rule }) => rules.has(rule)).map(({ keys }) => keys)
  return hasTexts(automaton, automaton.languages.union(keys), missing)
}

function arrayIs({ items, min, max, minMatches }: ArrayShape, rules: ReadonlySet<number>): boolean {
  const rest = items.length - 1
  const isOpen = (i: number): boolean => {
    const { plain, matching } = items[Math.min(i, rest)]
    return rules.has(plain) || (matching !== undefined && rules.has(matching))
  }
  for (let i = 0; i < Math.min(min, items.length); i++) if (!isOpen(i)) return false
  return matchingFrom({ items, max }, 0, rules) >= minMatches
}

/** How many items from an index on may be matching ones. */
export function matchingFrom(
  { items, max }: Pick<ArrayShape, 'items' | 'max'>,
  from: number,
  rules: ReadonlySet<number>,
): number {
  const can = (i: number): boolean => {
    const { matching } = items[i]
    return matching !== undefined && rules.has(matching)
  }
  const rest = items.length - 1
  let count = 0
  for (let i = from; i < rest && i < max; i++) if (can(i)) count++
  return can(rest) ? count + Math.max(0, max - Math.max(from, rest)) : count
}
