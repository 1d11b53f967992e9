import { check } from '@g3/backend'
import type { Chunk } from '../generate/decode.js'
import type { Generation, GenerationResult } from '../generate/generation.js'
import type { ItemStream } from './asking.js'

/** Tokens that the worker may be ahead: some frames of a page that is busy drawing. */
export const AHEAD = 8

/** How a generation is started: with chunks, or for its result alone. */
export interface RemoteRun {
  stream(): ItemStream<Chunk, GenerationResult>
  alone(): Promise<GenerationResult>
}

type Outcome = { readonly result: GenerationResult } | { readonly error: unknown }

/**
 * Text in the making in another thread, which is a few tokens ahead of who reads it: the result tells what was written.
 * @param onEnd called once, before the caller learns of the end; without a result when the generation threw
 */
export function remoteGeneration(
  { stream, alone }: RemoteRun,
  onEnd: (result: GenerationResult | undefined) => void = () => {},
): Generation {
  const settled = Promise.withResolvers<Outcome>()
  let started = false
  let ended = false
  const settle = (outcome: Outcome): void => {
    if (ended) return
    ended = true
    onEnd('result' in outcome ? outcome.result : undefined)
    settled.resolve(outcome)
  }

  async function* run(): AsyncGenerator<Chunk, void, undefined> {
    let outcome: Outcome | undefined
    let coming: ItemStream<Chunk, GenerationResult> | undefined
    try {
      coming = stream()
      // Who waits for the result learns of a failure whether or not anybody reads on.
      coming.result.catch((error: unknown) => settle({ error }))
      yield* coming
      outcome = { result: await coming.result }
    } catch (error) {
      outcome = { error }
      throw error
    } finally {
      // Who leaves early waits until the worker has stopped, so that the next text finds it free.
      settle(outcome ?? (await outcomeOf(coming)))
    }
  }

  const chunks = run()
  return {
    [Symbol.asyncIterator]() {
      started = true
      return chunks
    },
    async result() {
      if (!started) {
        started = true
        await alone().then(
          (result) => settle({ result }),
          (error: unknown) => settle({ error }),
        )
        await chunks.return()
      }
      const outcome = await settled.promise
      if ('error' in outcome) throw outcome.error
      return outcome.result
    },
  }
}

async function outcomeOf(coming: ItemStream<Chunk, GenerationResult> | undefined): Promise<Outcome> {
  try {
    check(coming !== undefined, 'generate/not-begun', 'the generation was left before it began')
    return { result: await coming.result }
  } catch (error) {
    return { error }
  }
}
