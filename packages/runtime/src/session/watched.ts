import type { Generation, GenerationResult } from '../generate/generation.js'
import type { Chunk } from '../generate/decode.js'

/**
 * A generation that tells of its end.
 * @param onEnd called once, before whoever iterates learns of the end; without a result when the generation threw
 */
export function watched(generation: Generation, onEnd: (result: GenerationResult | undefined) => void): Generation {
  let started = false
  async function* run(): AsyncGenerator<Chunk, void, undefined> {
    try {
      yield* generation
    } finally {
      await generation.result().then(onEnd, () => onEnd(undefined))
    }
  }
  const chunks = run()
  return {
    [Symbol.asyncIterator]() {
      started = true
      return chunks
    },
    async result() {
      if (!started) for await (const _ of this);
      try {
        return await generation.result()
      } finally {
        // The end is told first.
        await chunks.return()
      }
    },
  }
}
