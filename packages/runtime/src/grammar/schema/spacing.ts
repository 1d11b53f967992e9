import type { Languages } from '../regular/languages.js'
import { EMPTY, type Language } from '../regular/node.js'

/**
 * Where spaces stand: `single` after each comma and colon, as models mostly write; `none`; or `free`: none, one, or a new
 * line with up to 40 spaces wherever JSON allows them.
 */
export type Whitespace = 'single' | 'none' | 'free'

/** How true, false and null are spelled. */
export type Words = typeof JSON_WORDS | typeof PYTHON_WORDS
const JSON_WORDS = { true: 'true', false: 'false', null: 'null' } as const
const PYTHON_WORDS = { true: 'True', false: 'False', null: 'None' } as const

/** Whose literals values are: Python's are JSON's but for three words. */
export type Notation = 'json' | 'python'

/** How values lying in a fixed text are spaced, and spelled. */
export interface Spacing {
  readonly comma: string
  readonly colon: string
  readonly words: Words
}

export function spacing(whitespace: Whitespace, notation: Notation = 'json'): Spacing {
  const words = notation === 'json' ? JSON_WORDS : PYTHON_WORDS
  return whitespace === 'none' ? { comma: ',', colon: ':', words } : { comma: ', ', colon: ': ', words }
}

/** The signs between values. */
export interface Signs {
  readonly comma: Language
  readonly colon: Language
  /** After an opening bracket, and before a closing one. */
  readonly inside: Language
}

const MOST_INDENT = 40

export function signs(languages: Languages, whitespace: Whitespace): Signs {
  const { literal, sequence, union, repeat } = languages
  const { comma, colon } = spacing(whitespace)
  if (whitespace !== 'free') return { comma: literal(comma), colon: literal(colon), inside: EMPTY }
  const inside = union([EMPTY, literal(' '), sequence(literal('\n'), repeat(literal(' '), 0, MOST_INDENT))])
  return { comma: sequence(literal(','), inside), colon: sequence(literal(':'), inside), inside }
}
