import { check } from '@g3/backend'
import { forcedText } from './forced.js'
import { machine, type Machine, type State } from './machine.js'
import { masks, type Masks } from './mask/masks.js'
import type { Vocabulary } from './mask/vocabulary.js'
import type { Grammar } from './part.js'

/** Holds a text to a grammar, token by token. Whatever it allows can be completed. */
export interface Constraint {
  readonly vocabulary: Vocabulary
  /** Tokens accepted so far. */
  readonly length: number
  /**
   * Tells which tokens may come next: the vocabulary's end marks among them where the text may end.
   * @param into [vocabulary.words]: bit id & 31 of word id >> 5
   */
  mask(into: Uint32Array): void
  /** Whether a token may come next. */
  allows(token: number): boolean
  /** Takes a token. @throws G3Error `grammar/refused-token` where it may not come; nothing changes then */
  accept(token: number): void
  /**
   * Tokens that are the only way on, none where there is a choice. Text whose last token could also be a longer one is
   * left for the model to spell.
   */
  forced(): readonly number[]
  /** Whether the text may end here. */
  isComplete(): boolean
  /** Whether it must. */
  isFinished(): boolean
  /** Back to where it had accepted fewer tokens. @throws G3Error `grammar/length` */
  rewind(length: number): void
  /** Another one at the same place, which goes its own way from here. */
  clone(): Constraint
}

/** A grammar and a vocabulary, which any number of texts share. */
export interface Constraints {
  readonly vocabulary: Vocabulary
  /** A constraint at the beginning of a text. */
  start(): Constraint
}

/** Texts remember where they have been; from time to time a new one starts with an empty memory. */
const TEXTS_OF_A_MACHINE = 256

/** @throws G3Error from its functions: `grammar/too-large` */
export function constraints(grammar: Grammar, vocabulary: Vocabulary): Constraints {
  const shared = masks(grammar.automaton, vocabulary)
  let current: Machine | undefined
  let texts = 0
  return {
    vocabulary,
    start() {
      if (texts++ % TEXTS_OF_A_MACHINE === 0 || !current) current = machine(grammar)
      return constraintAt(current, shared, vocabulary, [current.start])
    },
  }
}

/** @param states the state after each number of tokens */
function constraintAt(run: Machine, shared: Masks, vocabulary: Vocabulary, states: State[]): Constraint {
  const here = (): State => states[states.length - 1]

  /** Where a token leads, if it may come. */
  const after = (id: number): State | undefined => {
    if (vocabulary.ends.includes(id)) return here().ends ? { threads: [], ends: true, next: new Map() } : undefined
    const bytes = Number.isInteger(id) && id >= 0 && id < vocabulary.size ? vocabulary.bytes(id) : undefined
    if (!bytes || bytes.length === 0) return undefined
    let state = here()
    for (const byte of bytes) {
      state = run.step(state, byte)
      if (state.threads.length === 0 && !state.ends) return undefined
    }
    return state
  }

  return {
    vocabulary,
    get length() {
      return states.length - 1
    },
    mask: (into) => shared.fill(run, here(), into),
    allows: (id) => after(id) !== undefined,
    accept(id) {
      const state = after(id)
      check(
        state !== undefined,
        'grammar/refused-token',
        () => `token ${id} may not come here: choose among those that mask() allows`,
      )
      states.push(state)
    },
    forced: () => forcedText(run, here(), vocabulary),
    isComplete: () => here().ends,
    isFinished: () => here().ends && here().threads.length === 0,
    rewind(length) {
      check(
        Number.isInteger(length) && length >= 0 && length < states.length,
        'grammar/length',
        `cannot go back to ${length} tokens: ${states.length - 1} were accepted`,
      )
      states.length = length + 1
    },
    clone: () => constraintAt(run, shared, vocabulary, states.slice()),
  }
}
