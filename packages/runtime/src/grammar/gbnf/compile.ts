import { check, G3Error } from '@g3/backend'
import { all, any, NOTHING, text, type Grammar, type Part } from '../part.js'
import { automaton } from '../regular/automaton.js'
import { character } from '../regular/code-points.js'
import { languages } from '../regular/languages.js'
import type { Language } from '../regular/node.js'
import { pruned } from '../prune.js'
import type { Expression } from './notation.js'
import { parseGbnf } from './parse.js'
import { checkLeftRecursion, recursiveRules } from './recursion.js'

const MOST_PARTS = 100_000
const MOST_TIMES = 1000

/**
 * A grammar in GBNF; a text is one of its rule `root`. The notation is llama.cpp's because files in it exist, and because
 * all of it can be decided from left to right. Rules that do not recur become one automaton.
 * @throws G3Error `grammar/bad-grammar`, `grammar/unsupported`, `grammar/too-large`, `grammar/empty`
 */
export function compileGbnf(source: string): Grammar {
  const rules = parseGbnf(source)
  check(rules.has('root'), 'grammar/bad-grammar', 'the grammar has no rule root, with which a text begins')
  const recursive = recursiveRules(rules)
  checkLeftRecursion(rules)
  const terms = languages()
  const regular = new Map<string, Language>()
  const parts: Part[] = []
  const numberOf = new Map([...recursive].map((name, i) => [name, i]))
  let budget = MOST_PARTS

  const bodyOf = (name: string): Expression => {
    const body = rules.get(name)
    if (!body) throw new G3Error('grammar/bad-grammar', `there is no rule ${name}`)
    return body
  }

  const isRegular = (body: Expression): boolean => {
    if (body.kind === 'name')
      return !recursive.has(body.name) && (regular.has(body.name) || isRegular(bodyOf(body.name)))
    if (body.kind === 'sequence' || body.kind === 'choice') return body.items.every(isRegular)
    return body.kind !== 'repeat' || isRegular(body.item)
  }

  const language = (body: Expression): Language => {
    switch (body.kind) {
      case 'literal':
        return terms.literal(body.text)
      case 'character':
        return character(terms, body.ranges, 'plain')
      case 'sequence':
        return terms.sequence(...body.items.map(language))
      case 'choice':
        return terms.union(body.items.map(language))
      case 'repeat':
        return terms.repeat(language(body.item), body.min, body.max)
      case 'name': {
        const found = regular.get(body.name) ?? language(bodyOf(body.name))
        regular.set(body.name, found)
        return found
      }
      default:
        return body satisfies never
    }
  }

  const part = (body: Expression): Part => {
    check(budget-- > 0, 'grammar/too-large', 'the grammar is too large: use smaller counts of rules that recur')
    if (isRegular(body)) return text(language(body))
    switch (body.kind) {
      case 'sequence':
        return all(...body.items.map(part))
      case 'choice':
        return any(body.items.map(part))
      case 'repeat':
        return repeated(body.item, body.min, body.max)
      case 'name': {
        const number = numberOf.get(body.name)
        return number === undefined ? part(bodyOf(body.name)) : { kind: 'rule', rule: number }
      }
      default:
        return text(language(body))
    }
  }

  const repeated = (item: Expression, min: number, max: number): Part => {
    const before = budget
    const one = part(item)
    const count = max === Infinity ? min + 1 : max
    // All that lies within counts again for each time.
    budget -= (before - budget) * count
    check(
      budget > 0 && count <= MOST_TIMES,
      'grammar/too-large',
      'the grammar is too large: use smaller counts of rules that recur',
    )
    let rest: Part = NOTHING
    if (max === Infinity) {
      const rule = parts.length
      parts.push(NOTHING)
      rest = { kind: 'rule', rule }
      parts[rule] = any([all(one, rest), NOTHING])
    } else for (let i = min; i < max; i++) rest = any([all(one, rest), NOTHING])
    return all(...Array.from({ length: min }, () => one), rest)
  }

  parts.length = recursive.size
  for (const [name, number] of numberOf) parts[number] = part(bodyOf(name))
  return pruned({ automaton: automaton(terms), root: part(bodyOf('root')), rules: parts })
}
