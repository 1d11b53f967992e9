import { DRAW_WORDS, type LogitEdits } from '@g3/backend'
import type { Gemma3, TextSequence } from '../model/gemma3.js'
import type { Ranking } from '../sampling/top-k.js'

/** Longest wait for texts that had a token in the last pass and have not asked for the next: one pass reads the weights once. */
const LINGER_MS = 3

/** What is asked for after a token; `read` is nothing that can be had together. Rows of one form lie together, so that one head serves them. */
const FORMS = ['pick', 'draw', 'top', 'logits', 'read'] as const

/** A text's turn in the next pass: a token to read, and what is asked for after it. */
interface Turn {
  readonly sequence: TextSequence
  readonly id: number
  readonly form: (typeof FORMS)[number]
  readonly draw?: Int32Array
  readonly ranking?: Ranking
  /** [vocab] receives the logits. */
  readonly logits?: Float32Array
  /** Gets the next token, or −1 where none was picked. */
  resolve(next: number): void
  reject(problem: unknown): void
}

/** A sequence whose tokens are computed with those of the others that are being written. */
export interface SharingSequence extends TextSequence {
  /** Its text is done, or was left: the others wait for it no longer. */
  leave(): void
}

/**
 * Continuous batching: all texts that wait for a token are read in one pass, which reads the weights once for all of them.
 * Texts join and leave between passes, and each gets the bits that it would get alone. Prompts are read in steps of their
 * own, in between.
 *
 * Source: Yu et al., Orca: A Distributed Serving System for Transformer-Based Generative Models (OSDI 2022).
 * @returns takes a sequence of the model in
 */
export function together(gemma3: Pick<Gemma3, 'batch'>): (sequence: TextSequence) => SharingSequence {
  /** Sequences that had a token and will ask for another. */
  const writing = new Set<TextSequence>()
  let waiting: Turn[] = []
  let isRunning = false
  let timer: ReturnType<typeof setTimeout> | undefined

  const consider = (): void => {
    if (isRunning || waiting.length === 0) return
    if (waiting.length >= writing.size) launch()
    else timer ??= setTimeout(launch, LINGER_MS)
  }

  const launch = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (isRunning || waiting.length === 0) return
    const turns = waiting
    waiting = []
    isRunning = true
    void run(turns).finally(() => {
      isRunning = false
      consider()
    })
  }

  /** Reads a token into each; those of whom one cannot be read are told, and left out. */
  const step = (turns: readonly Turn[]): readonly Turn[] => {
    try {
      gemma3.batch(turns.map(({ sequence }) => sequence)).step(turns.map(({ id }) => id))
      return turns
    } catch (problem) {
      if (turns.length === 1) {
        turns[0].reject(problem)
        return []
      }
      // One text has no room, say. That is no matter of the others.
      return turns.flatMap((turn) => step([turn]))
    }
  }

  const run = async (turns: readonly Turn[]): Promise<void> => {
    const read = step(FORMS.flatMap((form) => turns.filter((turn) => turn.form === form)))
    await Promise.all(
      FORMS.map((form) =>
        give(
          form,
          read.filter((turn) => turn.form === form),
        ),
      ),
    )
  }

  /** Gives what was asked for in one form. */
  const give = async (form: Turn['form'], turns: readonly Turn[]): Promise<void> => {
    if (turns.length === 0) return
    try {
      const next = await head(form, turns)
      for (const [i, turn] of turns.entries()) turn.resolve(next?.[i] ?? -1)
    } catch (problem) {
      for (const turn of turns) turn.reject(problem)
    }
  }

  const head = async (form: Turn['form'], turns: readonly Turn[]): Promise<Int32Array | undefined> => {
    if (form === 'read') return undefined
    const batch = gemma3.batch(turns.map(({ sequence }) => sequence))
    switch (form) {
      case 'pick':
        return batch.pick()
      case 'draw':
        return batch.draw(packed(turns))
      case 'top':
        await batch.top(turns.flatMap(({ ranking }) => ranking ?? []))
        return undefined
      case 'logits': {
        const all = await batch.logits(roomFor(turns.length * turns[0].sequence.vocabulary))
        for (const [i, { logits }] of turns.entries())
          logits?.set(all.subarray(i * logits.length, (i + 1) * logits.length))
        return undefined
      }
      default:
        return form satisfies never
    }
  }

  /** Logits of all who ask for them, before each gets its own. */
  let held = new Float32Array(0)
  const roomFor = (numbers: number): Float32Array => {
    if (held.length < numbers) held = new Float32Array(numbers)
    return held
  }

  return (sequence) => {
    /** The token that is to be read before anything else is asked. */
    let pending: number | undefined

    const take = (
      form: Turn['form'],
      wanted: Pick<Turn, 'draw' | 'ranking' | 'logits'> = {},
    ): Promise<number> | undefined => {
      writing.add(sequence)
      if (pending === undefined) return undefined
      const id = pending
      pending = undefined
      return new Promise((resolve, reject) => {
        waiting.push({ sequence, id, form, ...wanted, resolve, reject })
        consider()
      })
    }

    // What is not named here is the sequence's own.
    return Object.assign(Object.create(sequence) as TextSequence, {
      runsAhead: false,
      step(id: number) {
        if (pending !== undefined) sequence.step(pending)
        pending = id
      },
      pick: () => take('pick') ?? sequence.pick(),
      draw: async (draw: Int32Array, edits?: LogitEdits) => {
        if (edits === undefined) return (await take('draw', { draw })) ?? sequence.draw(draw)
        await take('read')
        return sequence.draw(draw, edits)
      },
      async stepRows(...rows: Parameters<TextSequence['stepRows']>) {
        // Rows of one text are a pass of their own, for which the others do not wait.
        await take('read')
        writing.delete(sequence)
        consider()
        return sequence.stepRows(...rows)
      },
      async top(ranking: Ranking) {
        return (await take('top', { ranking })) === undefined ? sequence.top(ranking) : ranking
      },
      async logits(into?: Float32Array) {
        const logits = into?.subarray(0, sequence.vocabulary) ?? new Float32Array(sequence.vocabulary)
        if ((await take('logits', { logits })) === undefined) await sequence.logits(logits)
        return into ?? logits
      },
      async logSum(into: Ranking) {
        await take('read')
        return sequence.logSum(into)
      },
      leave() {
        // A token that was not read is missing from the text, as others see it: whoever goes on with that reads it.
        pending = undefined
        writing.delete(sequence)
        consider()
      },
    })
  }
}

function packed(turns: readonly Turn[]): Int32Array {
  const draws = new Int32Array(turns.length * DRAW_WORDS)
  for (const [i, { draw }] of turns.entries()) if (draw) draws.set(draw, i * DRAW_WORDS)
  return draws
}
