import { DRAW_WORDS, type LogitEdits } from '@g3/backend'
import type { Gemma3, TextSequence } from '../model/gemma3.js'
import type { AppendOptions } from '../model/text-sequence.js'
import type { Ranking } from '../sampling/top-k.js'
import { joined } from './ids.js'
import { shareRows, type Reader, type Share } from './share-rows.js'

/** Longest wait for texts that had a token in the last pass and have not asked for the next: one pass reads the weights once. */
const LINGER_MS = 3

/** What is asked for after a token; `read` is nothing that can be had together. Rows of one form lie together, so that one head serves them. */
const FORMS = ['pick', 'draw', 'top', 'logits', 'read'] as const

/** Tokens that a text has got and the model has not read. */
interface Pending {
  readonly ids: Int32Array
  readonly options: AppendOptions
  /** A checkpoint is wanted once they are read. */
  readonly isKept: boolean
}

/** A text's place in the next passes: tokens to read, and what is asked for after them. */
interface Turn extends Reader {
  readonly sequence: TextSequence
  readonly pending: Pending
  left: number
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
 * Continuous batching: all texts that wait for a token are read in one pass, which reads the weights once for all of them,
 * and with them parts of the prompts that have come (`share-rows.ts`). Texts join and leave between passes, and each gets
 * the bits that it would get alone. Images are read in steps of their own, in between.
 *
 * Source: Yu et al., Orca: A Distributed Serving System for Transformer-Based Generative Models (OSDI 2022).
 * @returns takes a sequence of the model in
 */
export function together(gemma3: Pick<Gemma3, 'batch' | 'passRows'>): (sequence: TextSequence) => SharingSequence {
  /** Sequences that are at work and will ask for a token. */
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
    isRunning = true
    void run(shareRows(waiting, gemma3.passRows)).finally(() => {
      isRunning = false
      consider()
    })
  }

  const drop = (turns: readonly Turn[]): void => {
    if (turns.length > 0) waiting = waiting.filter((turn) => !turns.includes(turn))
  }

  /** Has each read its share; those of whom one cannot be read are told, and left out. */
  const step = (shares: readonly Share<Turn>[]): readonly Turn[] => {
    try {
      const ids = joined(...shares.map(({ reader, count }) => nextIds(reader, count)))
      gemma3.batch(shares.map(({ reader }) => reader.sequence)).step(
        ids,
        shares.map(({ count }) => count),
      )
    } catch (problem) {
      // One text has no room, say. That is no matter of the others.
      if (shares.length > 1) return shares.flatMap((share) => step([share]))
      const [{ reader }] = shares
      drop([reader])
      reader.reject(problem)
      return []
    }
    for (const { reader, count } of shares) reader.left -= count
    return shares.map(({ reader }) => reader)
  }

  const run = async (shares: readonly Share<Turn>[]): Promise<void> => {
    const inOrder = FORMS.flatMap((form) => shares.filter(({ reader }) => reader.form === form))
    const turns = step(inOrder)
    const done = turns.filter(({ left }) => left === 0)
    drop(done)
    const heads = FORMS.map((form) =>
      give(
        form,
        done.filter((turn) => turn.form === form),
      ),
    )
    const going = turns.filter(({ left }) => left > 0)
    // So that an abort or a failure stops the next pass.
    await Promise.all([...heads, ...(going.length > 0 ? [finish(going)] : [])])
  }

  /** Waits until the parts of prompts are read. */
  const finish = async (turns: readonly Turn[]): Promise<void> => {
    const outcome = gemma3.batch([turns[0].sequence]).finish()
    for (const turn of turns) {
      try {
        await outcome
        if (waiting.includes(turn)) tellProgress(turn)
      } catch (problem) {
        drop([turn])
        turn.reject(problem)
      }
    }
  }

  /** Gives what was asked for in one form. */
  const give = async (form: Turn['form'], turns: readonly Turn[]): Promise<void> => {
    if (turns.length === 0) return
    const outcome = head(form, turns)
    for (const [i, turn] of turns.entries()) {
      try {
        const next = await outcome
        tellProgress(turn)
        if (turn.pending.isKept) turn.sequence.keep()
        turn.resolve(next?.[i] ?? -1)
      } catch (problem) {
        turn.reject(problem)
      }
    }
  }

  const head = async (form: Turn['form'], turns: readonly Turn[]): Promise<Int32Array | undefined> => {
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
      case 'read':
        await batch.finish()
        return undefined
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
    /** What is to be read before anything else is asked. */
    let pending: Pending | undefined

    const take = (
      form: Turn['form'],
      wanted: Pick<Turn, 'draw' | 'ranking' | 'logits'> = {},
    ): Promise<number> | undefined => {
      writing.add(sequence)
      if (pending === undefined) return undefined
      const read = pending
      pending = undefined
      const { signal } = read.options
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      const turn: Turn = { sequence, pending: read, left: read.ids.length, form, ...wanted, resolve, reject }
      // What a pass reads of it now goes on; what is read last is soon done, and waited for.
      const abort = (): void => {
        if (!waiting.includes(turn)) return
        drop([turn])
        reject(signal?.reason)
      }
      waiting.push(turn)
      if (signal?.aborted) abort()
      signal?.addEventListener('abort', abort)
      consider()
      return promise.finally(() => signal?.removeEventListener('abort', abort))
    }

    const add = (ids: Int32Array, options: AppendOptions = {}): void => {
      pending = pending ? { ...pending, ids: joined(pending.ids, ids) } : { ids, options, isKept: false }
    }

    /** The others do not wait for what comes now. */
    const stepAside = (): void => {
      writing.delete(sequence)
      consider()
    }

    // What is not named here is the sequence's own.
    return Object.assign(Object.create(sequence) as TextSequence, {
      runsAhead: false,
      step: (id: number) => add(Int32Array.of(id)),
      async append(ids: ArrayLike<number>, options: AppendOptions = {}) {
        await take('read')
        const all = Int32Array.from(ids)
        const text = all.findLastIndex((id) => id < 0) + 1
        if (text > 0) {
          stepAside()
          await sequence.append(all.subarray(0, text), options)
        }
        if (text === all.length) return stepAside()
        add(all.subarray(text), options)
        if (options.asksNext) return
        await take('read')
        stepAside()
      },
      keep() {
        if (pending) pending = { ...pending, isKept: true }
        else sequence.keep()
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
        stepAside()
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
        stepAside()
      },
    })
  }
}

function tellProgress({ pending: { ids, options }, left }: Turn): void {
  options.onProgress?.(ids.length - left, ids.length)
}

/** What a text reads next. */
function nextIds({ pending: { ids }, left }: Turn, count: number): Int32Array {
  const from = ids.length - left
  return ids.subarray(from, from + count)
}

function packed(turns: readonly Turn[]): Int32Array {
  const draws = new Int32Array(turns.length * DRAW_WORDS)
  for (const [i, { draw }] of turns.entries()) if (draw) draws.set(draw, i * DRAW_WORDS)
  return draws
}
