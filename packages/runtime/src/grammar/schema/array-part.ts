import { all, any, text, type Part } from '../part.js'
import { NONE, type Language } from '../regular/node.js'
import { unsupported } from './json.js'
import { hasTexts } from './members.js'
import type { Emitting } from './object-part.js'
import { matchingFrom } from './productive.js'
import type { ArrayShape } from './shapes.js'

/** @param id tells this array apart from the others of its grammar */
export function arrayPart(shape: ArrayShape, id: string, emitting: Emitting): Part {
  return shape.unique ? uniquePart(shape, id, emitting) : countedPart(shape, id, emitting)
}

function countedPart(shape: ArrayShape, id: string, { automaton, signs, rules, partOf }: Emitting): Part {
  const { literal, sequence } = automaton.languages
  const { items, min, max, minMatches, maxMatches } = shape
  const last = items.length - 1
  const comma = text(signs.comma)
  const close = text(literal(']'))

  const from = (index: number, matches: number): Part => {
    const before = index === 0 ? [] : [comma]
    const { plain, matching } = items[Math.min(index, last)]
    const ways: Part[] = []
    const enough = matchingFrom(shape, index + 1, rules)
    if (index < max && rules.has(plain) && matches + enough >= minMatches)
      ways.push(all(...before, partOf(plain), lazy(index + 1, matches)))
    if (index < max && matching !== undefined && rules.has(matching) && matches < maxMatches)
      ways.push(all(...before, partOf(matching), lazy(index + 1, matches + 1)))
    if (index >= min && matches >= minMatches) ways.push(index === 0 ? close : all(text(signs.inside), close))
    return any(ways)
  }

  /** Indexes and counts beyond which nothing changes are one. */
  const lazy = (index: number, matches: number): Part => {
    const at = max < Infinity ? index : Math.min(index, Math.max(last, min, 1))
    const count = maxMatches < Infinity ? matches : Math.min(matches, minMatches)
    return { kind: 'lazy', key: `${id}|${at}|${count}`, expand: () => from(at, count) }
  }
  return all(text(sequence(literal('['), signs.inside)), lazy(0, 0))
}

/** Items that differ: what was written before is left out. Equal values must have equal texts for that. */
function uniquePart({ items, min, max, path }: ArrayShape, id: string, { automaton, signs, partOf }: Emitting): Part {
  const { literal, sequence, intersection, not } = automaton.languages
  const item = partOf(items[0].plain)
  if (items.length > 1 || item.kind !== 'text')
    throw unsupported('uniqueItems', path, 'only strings, whole numbers and other single values can be kept apart')
  const close = text(literal(']'))

  const fresh = (used: readonly string[]): Language =>
    intersection([item.language, ...used.map((value) => not(literal(value)))])
  if (!hasTexts(automaton, item.language, min))
    throw unsupported('minItems', path, 'there are not so many different items')

  const from = (used: readonly string[]): Part => {
    const language = used.length < max ? fresh(used) : NONE
    const ways: Part[] = []
    if (!automaton.isEmpty(language))
      ways.push(all(...(used.length === 0 ? [] : [text(signs.comma)]), text(language), heard(used)))
    if (used.length >= min) ways.push(used.length === 0 ? close : all(text(signs.inside), close))
    return any(ways)
  }
  const heard = (used: readonly string[]): Part => ({
    kind: 'heard',
    key: `${id}|${JSON.stringify(used)}`,
    then: (value) => from([...used, value].sort()),
  })
  return all(text(sequence(literal('['), signs.inside)), from([]))
}
