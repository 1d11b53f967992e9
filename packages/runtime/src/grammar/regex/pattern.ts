import type { CodePoints } from '../regular/code-points.js'

/** A regular expression, parsed. */
export type Pattern =
  | { readonly kind: 'character'; readonly ranges: CodePoints }
  | { readonly kind: 'sequence' | 'choice'; readonly items: readonly Pattern[] }
  | { readonly kind: 'repeat'; readonly item: Pattern; readonly min: number; readonly max: number }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  /** A look ahead: what follows must (or must not) begin with `item`. */
  | { readonly kind: 'ahead'; readonly item: Pattern; readonly negative: boolean }
