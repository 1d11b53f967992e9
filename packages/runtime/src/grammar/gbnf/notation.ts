import type { CodePoints } from '../regular/code-points.js'

/** An expression of the notation, parsed. */
export type Expression =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'character'; readonly ranges: CodePoints }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'sequence' | 'choice'; readonly items: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly item: Expression; readonly min: number; readonly max: number }

export type Rules = ReadonlyMap<string, Expression>
