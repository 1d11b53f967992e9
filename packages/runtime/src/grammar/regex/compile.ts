import { G3Error } from '@g3/backend'
import { character, EVERY, type Spelling } from '../regular/code-points.js'
import type { Languages } from '../regular/languages.js'
import { EMPTY, NONE, type Language } from '../regular/node.js'
import { parseRegex } from './parse.js'
import type { Pattern } from './pattern.js'

/**
 * The texts in which a regular expression finds a match: all of a text where it is anchored by ^ and $, any part of it
 * otherwise, as `RegExp.test` does.
 * @throws G3Error as {@link parseRegex}
 */
export function regexLanguage(languages: Languages, source: string, spelling: Spelling): Language {
  const { sequence, union, intersection, repeat, not } = languages
  const pattern = parseRegex(source)
  const any = character(languages, EVERY, spelling)
  const rest = repeat(any, 0, Infinity)

  /** What a pattern without conditions matches. */
  const plain = (part: Pattern): Language => {
    switch (part.kind) {
      case 'character':
        return character(languages, part.ranges, spelling)
      case 'sequence':
        return sequence(...part.items.map(plain))
      case 'choice':
        return union(part.items.map(plain))
      case 'repeat':
        return repeat(plain(part.item), part.min, part.max)
      case 'start':
      case 'end':
      case 'ahead':
        throw new G3Error(
          'grammar/unsupported',
          `${source} repeats a condition (^, $ or a look ahead), which cannot be enforced: write it without`,
        )
      default:
        return part satisfies never
    }
  }

  /**
   * The texts that begin with `part` and go on with `next`. Conditions look at all that follows, so it is built from the
   * end. `first`: whether the text begins here.
   */
  const before = (part: Pattern, next: Language, first: boolean): Language => {
    if (!hasCondition(part)) return sequence(plain(part), next)
    switch (part.kind) {
      case 'sequence': {
        const begins = part.items.map((_, i) => first && part.items.slice(0, i).every(isCondition))
        return part.items.reduceRight((after, item, i) => before(item, after, begins[i]), next)
      }
      case 'choice':
        return union(part.items.map((item) => before(item, next, first)))
      case 'start':
        return first ? next : NONE
      case 'end':
        return intersection([EMPTY, next])
      case 'ahead': {
        const ahead = before(part.item, rest, first)
        return intersection([next, part.negative ? not(ahead) : ahead])
      }
      case 'character':
      case 'repeat':
        return sequence(plain(part), next)
      default:
        return part satisfies never
    }
  }

  const fromStart = before(pattern, rest, true)
  // A pattern that must begin at the start cannot begin later.
  return union([fromStart, sequence(repeat(any, 1, Infinity), before(pattern, rest, false))])
}

const isCondition = ({ kind }: Pattern): boolean => kind === 'start' || kind === 'end' || kind === 'ahead'

function hasCondition(part: Pattern): boolean {
  if (part.kind === 'sequence' || part.kind === 'choice') return part.items.some(hasCondition)
  return part.kind === 'repeat' ? hasCondition(part.item) : isCondition(part)
}
