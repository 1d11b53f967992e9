import type { Automaton } from '../regular/automaton.js'
import { NONE, type Language } from '../regular/node.js'
import type { Trie } from './trie.js'

/**
 * A state that all bytes but a few lead back to, as in a text that may say anything but some words. Most tokens hold
 * none of those few, so they are allowed without being looked at.
 */
export interface FreeState {
  readonly state: Language
  /** [nodes]: 1 where one of the few bytes is at a node or below it. */
  readonly keen: Uint8Array
}

const MOST_KEEN = 16

/** Finds the free state that a language is, or soon comes to. */
export function freeStates(automaton: Automaton, trie: Trie): (language: Language) => FreeState | undefined {
  const found = new Map<Language, FreeState | undefined>()
  const flags = new Map<string, Uint8Array>()

  const keenBytes = (state: Language): readonly number[] | undefined => {
    const keen: number[] = []
    const row = automaton.row(state)
    for (let byte = 0; byte < 256; byte++) if (row[byte] !== state && keen.push(byte) > MOST_KEEN) return undefined
    return keen
  }

  const flagsOf = (keen: readonly number[]): Uint8Array => {
    const key = keen.join()
    const known = flags.get(key)
    if (known) return known
    const { byte, parent } = trie
    const isKeen = new Uint8Array(256)
    for (const one of keen) isKeen[one] = 1
    const marked = new Uint8Array(byte.length)
    // Preorder: what lies below a node comes after it.
    for (let node = byte.length - 1; node > 0; node--) {
      if (isKeen[byte[node]]) marked[node] = 1
      if (marked[node]) marked[parent[node]] = 1
    }
    flags.set(key, marked)
    return marked
  }

  const search = (language: Language): FreeState | undefined => {
    // A byte that no word begins with shows where a text goes on freely.
    for (const state of [language, automaton.row(language)[0]]) {
      const keen = state === NONE ? undefined : keenBytes(state)
      if (keen) return { state, keen: flagsOf(keen) }
    }
    return undefined
  }

  return (language) => {
    if (!found.has(language)) found.set(language, search(language))
    return found.get(language)
  }
}
