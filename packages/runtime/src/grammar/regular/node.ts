import type { ByteSet } from './byte-set.js'

/**
 * A regular language over bytes; equal terms have one number. It is also a state of its own automaton: what may follow
 * a byte is again such a language (Brzozowski, "Derivatives of regular expressions", 1964), so intersection, complement
 * and counted repetition need no expansion.
 */
export type Language = number

/** Nothing belongs to it. */
export const NONE: Language = 0
/** Only the empty text. */
export const EMPTY: Language = 1
/** Every text. */
export const ALL: Language = 2

export type Node = (
  | { readonly kind: 'empty' }
  | { readonly kind: 'bytes'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly first: Language; readonly rest: Language }
  | { readonly kind: 'union' | 'intersection'; readonly items: readonly Language[] }
  | { readonly kind: 'repeat'; readonly item: Language; readonly min: number; readonly max: number }
  | { readonly kind: 'not'; readonly item: Language }
  | { readonly kind: 'multiple'; readonly divisor: number; readonly remainder: number }
) & {
  /** Whether the empty text belongs to it. */
  readonly accepts: boolean
  /** Whether an intersection or a complement inside may make it empty without saying so. */
  readonly hidden: boolean
  /** Between two edges all bytes lead to the same language. */
  readonly edges: ByteSet
}
