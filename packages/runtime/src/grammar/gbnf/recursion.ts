import { G3Error } from '@g3/backend'
import type { Expression, Rules } from './notation.js'

/** The rules that lead back to themselves. @throws G3Error `grammar/bad-grammar` for a name without a rule */
export function recursiveRules(rules: Rules): Set<string> {
  const named = new Map([...rules].map(([name, body]) => [name, namesIn(body)]))
  for (const [name, used] of named)
    for (const other of used)
      if (!rules.has(other)) throw new G3Error('grammar/bad-grammar', `rule ${name} uses ${other}, which has no rule`)
  return new Set([...named.keys()].filter((name) => reaches(name, name, named)))
}

/** Whether a walk of at least one step leads from one name to another. */
function reaches(from: string, to: string, steps: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const seen = new Set(steps.get(from))
  for (const name of seen) for (const next of steps.get(name) ?? []) seen.add(next)
  return seen.has(to)
}

function namesIn(body: Expression, into = new Set<string>()): Set<string> {
  if (body.kind === 'name') into.add(body.name)
  else if (body.kind === 'sequence' || body.kind === 'choice') for (const item of body.items) namesIn(item, into)
  else if (body.kind === 'repeat') namesIn(body.item, into)
  return into
}

/**
 * Refuses rules that begin with themselves: reading from the left would never get anywhere.
 * @throws G3Error `grammar/unsupported` naming the rule
 */
export function checkLeftRecursion(rules: Rules): void {
  const empty = emptyRules(rules)
  /** The rules that a rule may begin with: any, and those that more of the rule follows. */
  const begins = new Map([...rules].map(([name, body]) => [name, firstNames(body, empty)]))
  const steps = new Map([...begins].map(([name, firsts]) => [name, new Set(firsts.keys())]))
  for (const [name, firsts] of begins)
    for (const [first, goesOn] of firsts)
      if (goesOn && (first === name || reaches(first, name, steps)))
        throw new G3Error(
          'grammar/unsupported',
          `rule ${name} begins with itself: write what it begins with first, and repeat what follows`,
        )
}

/** Names that a text may begin with, and whether more may follow them. */
function firstNames(
  body: Expression,
  empty: ReadonlySet<string>,
  goesOn = false,
  into = new Map<string, boolean>(),
): Map<string, boolean> {
  if (body.kind === 'name') into.set(body.name, goesOn || into.get(body.name) === true)
  else if (body.kind === 'choice') for (const item of body.items) firstNames(item, empty, goesOn, into)
  else if (body.kind === 'repeat') firstNames(body.item, empty, goesOn || body.max > 1, into)
  else if (body.kind === 'sequence')
    for (const [i, item] of body.items.entries()) {
      firstNames(item, empty, goesOn || i < body.items.length - 1, into)
      if (!mayBeEmpty(item, empty)) break
    }
  return into
}

function emptyRules(rules: Rules): Set<string> {
  const empty = new Set<string>()
  for (let size = -1; size < empty.size;) {
    size = empty.size
    for (const [name, body] of rules) if (mayBeEmpty(body, empty)) empty.add(name)
  }
  return empty
}

function mayBeEmpty(body: Expression, empty: ReadonlySet<string>): boolean {
  switch (body.kind) {
    case 'literal':
      return body.text === ''
    case 'character':
      return false
    case 'name':
      return empty.has(body.name)
    case 'sequence':
      return body.items.every((item) => mayBeEmpty(item, empty))
    case 'choice':
      return body.items.some((item) => mayBeEmpty(item, empty))
    case 'repeat':
      return body.min === 0 || mayBeEmpty(body.item, empty)
    default:
      return body satisfies never
  }
}
