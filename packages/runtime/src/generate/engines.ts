import { check } from '@g3/backend'
import type { Tokenizer } from '@g3/tokenizer'
import type { TextSequence } from '../model/gemma3.js'
import type { Readable } from './read-prompt.js'

/** What a generation works on. */
export interface Engine {
  /** Brings lost hardware back; what the sequence held is gone. */
  recover(): Promise<void>
  readonly tokenizer: Pick<Tokenizer, 'stream'>
  readonly sequence: Readable &
    Pick<
      TextSequence,
      | 'step'
      | 'reset'
      | 'rewind'
      | 'shared'
      | 'pick'
      | 'draw'
      | 'vocabulary'
      | 'takesEdits'
      | 'logSum'
      | 'runsAhead'
      | 'follow'
      | 'rankable'
      | 'top'
      | 'logits'
      | 'scores'
      | 'mostRows'
      | 'rowColumns'
      | 'stepRows'
    > & {
      /** Told when the engine is released. */
      leave?(): void
    }
}

/** An engine that is the caller's until released. */
export interface Claim<E extends Engine = Engine> {
  readonly engine: E
  release(): void
}

/** The engines of a model, one for each of its sequences. */
export interface Engines<E extends Engine = Engine> {
  /** Whether none is taken. */
  readonly isIdle: boolean
  /**
   * Takes a free engine: the one for which the prompt means the least work, to read now and to read again later.
   * @throws G3Error `generate/busy` when all are taken
   */
  claim(prompt: Int32Array): Claim<E>
}

export function engines<E extends Engine>(all: readonly E[]): Engines<E> {
  const taken = new Set<E>()
  return {
    get isIdle() {
      return taken.size === 0
    },
    claim(prompt) {
      const [first, ...others] = all.filter((engine) => !taken.has(engine))
      check(first !== undefined, 'generate/busy', () => busyProblem(all.length))
      const work = ({ sequence }: E): number => prompt.length + sequence.length - 2 * sequence.shared(prompt)
      const engine = others.reduce((best, other) => (work(other) < work(best) ? other : best), first)
      taken.add(engine)
      const release = (): void => {
        if (taken.delete(engine)) engine.sequence.leave?.()
      }
      return { engine, release }
    },
  }
}

const busyProblem = (count: number): string =>
  `this model is generating ${count} text${count > 1 ? 's' : ''} already: finish, leave or abort one first, or load with room for more sequences`
