import { check } from '@g3/backend'
import type { Grammar, Part } from './part.js'
import type { Automaton } from './regular/automaton.js'
import { EMPTY, NONE, type Language } from './regular/node.js'

/** What the text so far may go on with: a regular language now, and a stack of parts after it. */
export interface Thread {
  readonly language: Language
  readonly stack: number
}

/** All threads that a text has led to: an automaton of stacks, its states made as they are reached. */
export interface State {
  /** Sorted; none means that no text leads here. */
  readonly threads: readonly Thread[]
  /** Whether the text may end here. */
  readonly ends: boolean
  readonly next: Map<number, State>
}

export interface Machine {
  readonly automaton: Automaton
  readonly start: State
  /** Where a byte leads; a state without threads where it may not come. */
  step(state: State, byte: number): State
  /** What follows a thread's language once it has taken a text, a byte a character. */
  after(thread: Thread, written: string): State
}

/** The stack with nothing on it: a text ends there. */
export const BOTTOM = 0
const MOST_OPEN = 20_000

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
const decoded = (bytes: string): string => utf8.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)))

/**
 * Runs a grammar over bytes, all ways of reading at once. Stacks share their lower parts (Tomita's graph-structured
 * stack, as a tree), so that ambiguity costs no copies.
 * @throws G3Error `grammar/too-large` where one position can be read in more than 20,000 ways
 */
export function machine({ automaton, rules, root }: Grammar): Machine {
  const items: { readonly part: Part; readonly heard: string }[] = []
  const itemOf = new Map<Part | string, number>()
  const stackItem = [-1]
  const stackRest = [BOTTOM]
  const stackOf = new Map<number, number>()
  const follows: (readonly Thread[] | undefined)[] = []
  const states = new Map<string, State>()

  const item = (part: Part, heard = ''): number => {
    const identity = part.kind === 'heard' ? `${part.key}\n${heard}` : part.kind === 'lazy' ? part.key : part
    const found = itemOf.get(identity)
    if (found !== undefined) return found
    items.push({ part, heard })
    itemOf.set(identity, items.length - 1)
    return items.length - 1
  }

  const push = (top: number, rest: number): number => {
    const key = top * 2 ** 26 + rest
    const found = stackOf.get(key)
    if (found !== undefined) return found
    stackItem.push(top)
    stackRest.push(rest)
    stackOf.set(key, stackItem.length - 1)
    return stackItem.length - 1
  }

  /** The threads that begin with a stack's uppermost part. */
  const follow = (from: number): readonly Thread[] => {
    const known = follows[from]
    if (known) return known
    const threads: Thread[] = []
    const seen = new Set([from])
    const visit = (stack: number): void => {
      check(seen.size < MOST_OPEN, 'grammar/too-large', 'the grammar can go on in too many ways at once')
      seen.add(stack)
    }
    for (const stack of seen) {
      if (stack === BOTTOM) {
        threads.push({ language: EMPTY, stack })
        continue
      }
      const { part, heard } = items[stackItem[stack]]
      const rest = stackRest[stack]
      switch (part.kind) {
        case 'text':
          if (part.language !== EMPTY) threads.push({ language: part.language, stack: rest })
          if (automaton.accepts(part.language)) visit(rest)
          break
        case 'all':
          visit(part.parts.reduceRight((below, next) => push(item(next), below), rest))
          break
        case 'any':
          for (const next of part.parts) visit(push(item(next), rest))
          break
        case 'rule':
          visit(push(item(rules[part.rule]), rest))
          break
        case 'lazy':
          visit(push(item(part.expand()), rest))
          break
        case 'heard':
          visit(push(item(part.then(decoded(heard))), rest))
          break
        default:
          part satisfies never
      }
    }
    return (follows[from] = threads)
  }

  /** The stack once a text has been written above it: who listens hears it. */
  const told = (stack: number, written: string): number => {
    if (stack === BOTTOM) return stack
    const { part, heard } = items[stackItem[stack]]
    return part.kind === 'heard' ? push(item(part, heard + written), stackRest[stack]) : stack
  }

  const stateOf = (threads: readonly Thread[]): State => {
    const unique = new Map(threads.map((thread) => [thread.language * 2 ** 26 + thread.stack, thread]))
    const keys = [...unique.keys()].sort((a, b) => a - b)
    const key = keys.join()
    let state = states.get(key)
    if (!state) {
      const live = keys.flatMap((id) => unique.get(id) ?? []).filter(({ language }) => language !== EMPTY)
      state = { threads: live, ends: live.length < keys.length, next: new Map() }
      states.set(key, state)
    }
    return state
  }

  return {
    automaton,
    start: stateOf(follow(push(item(root), BOTTOM))),
    step(state, byte) {
      const known = state.next.get(byte)
      if (known) return known
      const threads: Thread[] = []
      const written = String.fromCharCode(byte)
      for (const { language, stack } of state.threads) {
        const next = automaton.row(language)[byte]
        if (next === NONE) continue
        const rest = told(stack, written)
        if (next !== EMPTY) threads.push({ language: next, stack: rest })
        if (automaton.accepts(next)) for (const thread of follow(rest)) threads.push(thread)
      }
      const found = stateOf(threads)
      state.next.set(byte, found)
      return found
    },
    after: ({ stack }, written) => stateOf(follow(told(stack, written))),
  }
}
