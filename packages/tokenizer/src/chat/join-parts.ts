import type { ContentPart } from './message.js'

/**
 * The parts of two messages as those of one turn. Texts that meet become one: the template trims each part, so neither
 * white space at their ends nor a part of white space between them would be left.
 * @param between what stands between texts that meet
 */
export function joinParts(
  before: readonly ContentPart[],
  after: readonly ContentPart[],
  between = '',
): readonly ContentPart[] {
  const last = before.at(-1)
  const [first, ...rest] = after
  if (last?.type !== 'text' || first?.type !== 'text') return [...before, ...after]
  const text = `${String(last.text)}${between}${String(first.text)}`
  return [...before.slice(0, -1), { type: 'text', text }, ...rest]
}
