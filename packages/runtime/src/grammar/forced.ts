import type { Machine, State } from './machine.js'
import type { Vocabulary } from './mask/vocabulary.js'
import type { Automaton } from './regular/automaton.js'
import { NONE } from './regular/node.js'

/** Bytes that are looked ahead; what is longer comes in parts. */
const LONGEST = 512

/**
 * The tokens of the bytes that are the only way on from a state. The last ones are left out where a longer token could
 * take their place, since the model may be used to that.
 */
export function forcedText(machine: Machine, from: State, { trie, encode, bytes }: Vocabulary): number[] {
  const forced: number[] = []
  const states = [from]
  for (let state = from; forced.length < LONGEST;) {
    const byte = onlyByte(state, machine.automaton)
    if (byte < 0) break
    forced.push(byte)
    state = machine.step(state, byte)
    states.push(state)
  }
  const ids = forced.length > 0 ? ((encode && encoded(forced, encode, bytes)) ?? longest(forced, trie)) : []
  let length = ids.reduce((sum, id) => sum + (bytes(id)?.length ?? 0), 0)
  while (ids.length > 0) {
    const last = bytes(ids[ids.length - 1])?.length ?? 0
    if (!canBeLonger(forced, length - last, states, machine, trie)) break
    ids.pop()
    length -= last
  }
  return ids
}

/** The one byte that a state allows, or -1. */
function onlyByte(state: State, automaton: Automaton): number {
  if (state.ends) return -1
  let only = -1
  for (const { language } of state.threads) {
    const row = automaton.row(language)
    for (let byte = 0; byte < 256; byte++) {
      if (row[byte] === NONE || byte === only) continue
      if (only >= 0) return -1
      only = byte
    }
  }
  return only
}

/** The tokens of the longest whole text, where they spell it byte for byte. */
function encoded(
  forced: readonly number[],
  encode: (text: string) => ArrayLike<number>,
  bytes: (id: number) => Uint8Array | undefined,
): number[] | undefined {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(forced), { stream: true })
  const ids = Array.from(encode(text))
  let at = 0
  for (const id of ids) for (const byte of bytes(id) ?? [-1]) if (byte !== forced[at++]) return undefined
  return ids
}

function longest(forced: readonly number[], { child, token }: Vocabulary['trie']): number[] {
  const ids: number[] = []
  for (let start = 0; start < forced.length;) {
    let best = -1
    let end = start
    for (
      let node = child(0, forced[start]), at = start + 1;
      node >= 0;
      node = at < forced.length ? child(node, forced[at++]) : -1
    ) {
      if (token[node] < 0) continue
      best = token[node]
      end = at
    }
    if (best < 0) break
    ids.push(best)
    start = end
  }
  return ids
}

/** Whether a token that begins at `start` goes beyond the forced bytes and is allowed. */
function canBeLonger(
  forced: readonly number[],
  start: number,
  states: readonly State[],
  machine: Machine,
  trie: Vocabulary['trie'],
): boolean {
  let node = 0
  for (let at = start; at < forced.length; at++) if ((node = trie.child(node, forced[at])) < 0) return false
  return leadsOn(states[forced.length], node, machine, trie)
}

function leadsOn(state: State, node: number, machine: Machine, trie: Vocabulary['trie']): boolean {
  for (let child = node + 1; child < trie.end[node]; child = trie.end[child]) {
    const next = machine.step(state, trie.byte[child])
    if (next.threads.length === 0 && !next.ends) continue
    if (trie.token[child] >= 0 || leadsOn(next, child, machine, trie)) return true
  }
  return false
}
