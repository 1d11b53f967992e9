import { BOTTOM, type Machine, type State, type Thread } from '../machine.js'
import type { Automaton } from '../regular/automaton.js'
import { NONE, type Language } from '../regular/node.js'
import { freeStates, type FreeState } from './free.js'
import { NOT_PLAIN, plainReach } from './plain.js'
import type { Vocabulary } from './vocabulary.js'

/** Tells which tokens may come at a state. */
export interface Masks {
  /** @param into [vocabulary.words], bit id & 31 of word id >> 5; all of it is written */
  fill(machine: Machine, state: State, into: Uint32Array): void
}

/** What a language alone says of the tokens, whatever the stack below it holds. */
interface Inner {
  /** Tokens that stay within it or end with it: a mask, or the ids of a few. */
  readonly mask: Uint32Array | undefined
  readonly ids: readonly number[]
  /** Nodes of the trie at which it may end while tokens go on. */
  readonly exits: readonly number[]
}

const FEW_IDS = 256
/** Of 32 KB each, at Gemma's size. */
const MOST_MASKS = 512
const MOST_STATES = 64

/**
 * Masks of one grammar, shared by all texts under it. A string's mask depends on its stack for the few tokens that go on
 * after the closing quote; all others are found once for each state of the string's automaton.
 */
export function masks(automaton: Automaton, vocabulary: Vocabulary): Masks {
  const { trie, words } = vocabulary
  const { byte, depth, end, parent, token, other, plain, deepest } = trie
  const inners = new Map<Language, Inner>()
  /** Of languages with nothing after them, at whose ends no token goes on. */
  const lasts = new Map<Language, Inner>()
  let held = 0
  const freeState = freeStates(automaton, trie)
  const path = new Int32Array(deepest + 1)
  const basePath = new Int32Array(deepest + 1)
  /** Whole masks of states, the ones asked for last. */
  const ofState = new Map<State, Uint32Array>()

  const allow = (into: Uint32Array, node: number): void => {
    for (let id = token[node]; id >= 0; id = other[id]) into[id >> 5] |= 1 << (id & 31)
  }
  const deny = (into: Uint32Array, node: number): void => {
    for (let id = token[node]; id >= 0; id = other[id]) into[id >> 5] &= ~(1 << (id & 31))
  }

  /** Allows the tokens that stay within a language or end with it. @returns the exits */
  const fillInner = (language: Language, mask: Uint32Array): number[] => {
    const reach = plainReach(automaton, language, deepest)
    if (reach > 0) mask.set(vocabulary.plain(reach))
    const exits: number[] = []
    path[0] = language
    for (let node = 1; node < end[0];) {
      if (plain[node] <= reach) {
        node = end[node]
        continue
      }
      const next = automaton.row(path[depth[node] - 1])[byte[node]]
      if (next === NONE) {
        node = end[node]
        continue
      }
      path[depth[node]] = next
      allow(mask, node)
      if (end[node] > node + 1 && automaton.accepts(next)) exits.push(node)
      node++
    }
    return exits
  }

  /**
   * The same for a language that comes to a free state with most texts: where it does, its tokens are those of the free
   * state, and only where both differ they are looked at.
   */
  const fillNearFree = (language: Language, { state }: FreeState, isLast: boolean, mask: Uint32Array): number[] => {
    const base = inner(state, isLast)
    if (base.mask) mask.set(base.mask)
    for (const id of base.ids) mask[id >> 5] |= 1 << (id & 31)
    const looked = new Set<number>()
    const exits: number[] = []
    path[0] = language
    basePath[0] = state
    for (let node = 1; node < end[0];) {
      const up = depth[node] - 1
      const next = automaton.row(path[up])[byte[node]]
      const baseNext = basePath[up] === NONE ? NONE : automaton.row(basePath[up])[byte[node]]
      if (next === baseNext) {
        node = end[node]
      } else if (next === NONE) {
        for (const last = end[node]; node < last; node++) {
          deny(mask, node)
          looked.add(node)
        }
      } else {
        looked.add(node)
        path[depth[node]] = next
        basePath[depth[node]] = baseNext
        allow(mask, node)
        if (end[node] > node + 1 && automaton.accepts(next)) exits.push(node)
        node++
      }
    }
    return [...base.exits.filter((node) => !looked.has(node)), ...exits]
  }

  /** The same for a free state: it takes out what may not come. */
  const fillFree = ({ state, keen }: FreeState, mask: Uint32Array): number[] => {
    mask.set(vocabulary.plain(NOT_PLAIN))
    const exits: number[] = []
    path[0] = state
    for (let node = 1; node < end[0];) {
      const before = path[depth[node] - 1]
      if (before === state && keen[node] === 0) {
        node = end[node]
        continue
      }
      const next = automaton.row(before)[byte[node]]
      if (next === NONE) {
        for (const last = end[node]; node < last; node++) deny(mask, node)
        continue
      }
      path[depth[node]] = next
      if (end[node] > node + 1 && automaton.accepts(next)) exits.push(node)
      node++
    }
    return exits
  }

  const inner = (language: Language, isLast: boolean): Inner => {
    const cache = isLast ? lasts : inners
    const known = cache.get(language)
    if (known) return known
    const mask = new Uint32Array(words)
    const free = freeState(language)
    // Where it may end anywhere, what follows may begin anywhere: all must be looked at.
    const isFree = free !== undefined && (isLast || !automaton.accepts(free.state))
    const exits = !isFree
      ? fillInner(language, mask)
      : language === free.state
        ? fillFree(free, mask)
        : fillNearFree(language, free, isLast, mask)
    if (held > MOST_MASKS) {
      inners.clear()
      lasts.clear()
      held = 0
    }
    const ids = idsOf(mask, FEW_IDS)
    const found: Inner = ids ? { mask: undefined, ids, exits } : { mask, ids: [], exits }
    if (found.mask) held++
    cache.set(language, found)
    return found
  }

  /** The text of the path to a node, a byte a character. */
  const written = (node: number): string => {
    let text = ''
    for (let at = node; at > 0; at = parent[at]) text = String.fromCharCode(byte[at]) + text
    return text
  }

  /** Allows the tokens below a node that go on from a state. */
  const walk = (machine: Machine, node: number, state: State, into: Uint32Array): void => {
    for (let child = node + 1; child < end[node]; child = end[child]) {
      const next = machine.step(state, byte[child])
      if (next.threads.length === 0 && !next.ends) continue
      allow(into, child)
      if (next.threads.length > 0) walk(machine, child, next, into)
    }
  }

  const fillThread = (machine: Machine, thread: Thread, into: Uint32Array): void => {
    const isLast = thread.stack === BOTTOM
    const { mask, ids, exits } = inner(thread.language, isLast)
    if (mask) for (let i = 0; i < words; i++) into[i] |= mask[i]
    for (const id of ids) into[id >> 5] |= 1 << (id & 31)
    if (isLast) return
    for (const node of exits) {
      const after = machine.after(thread, written(node))
      if (after.threads.length > 0) walk(machine, node, after, into)
    }
  }

  return {
    fill(machine, state, into) {
      const known = ofState.get(state)
      if (known) {
        into.set(known)
        return
      }
      into.fill(0, 0, words)
      for (const thread of state.threads) fillThread(machine, thread, into)
      if (state.ends) for (const id of vocabulary.ends) into[id >> 5] |= 1 << (id & 31)
      for (const oldest of ofState.keys()) {
        if (ofState.size < MOST_STATES) break
        ofState.delete(oldest)
      }
      ofState.set(state, into.slice(0, words))
    },
  }
}

/** The ids in a mask, where they are at most `most`. */
function idsOf(mask: Uint32Array, most: number): number[] | undefined {
  const ids: number[] = []
  for (let i = 0; i < mask.length; i++) {
    for (let word = mask[i]; word !== 0; word &= word - 1) {
      if (ids.length === most) return undefined
      ids.push(i * 32 + 31 - Math.clz32(word & -word))
    }
  }
  return ids
}
