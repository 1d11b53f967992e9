import type { Automaton } from './regular/automaton.js'
import type { Language } from './regular/node.js'

/** A piece of a grammar. */
export type Part =
  /** A text of a regular language. */
  | { readonly kind: 'text'; readonly language: Language }
  /** All of them in order; one of them. */
  | { readonly kind: 'all' | 'any'; readonly parts: readonly Part[] }
  /** A rule by its number: grammars recur through these only. */
  | { readonly kind: 'rule'; readonly rule: number }
  /** Made when it is reached; of equal keys the first one is taken for all. */
  | { readonly kind: 'lazy'; readonly key: string; readonly expand: () => Part }
  /** Follows a text part and depends on what was written there. */
  | { readonly kind: 'heard'; readonly key: string; readonly then: (text: string) => Part }

/** What all compilers compile to: texts of regular languages, put together by rules that may recur. */
export interface Grammar {
  readonly automaton: Automaton
  readonly rules: readonly Part[]
  readonly root: Part
}

export const text = (language: Language): Part => ({ kind: 'text', language })
export const all = (...parts: readonly Part[]): Part => (parts.length === 1 ? parts[0] : { kind: 'all', parts })
export const any = (parts: readonly Part[]): Part => (parts.length === 1 ? parts[0] : { kind: 'any', parts })
export const NOTHING: Part = { kind: 'all', parts: [] }
export const IMPOSSIBLE: Part = { kind: 'any', parts: [] }
