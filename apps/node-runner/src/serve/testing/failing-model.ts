import type { Chunk, Model } from '@g3/runtime'

/** A model whose texts break off with a failure of its own after some tokens. */
export const failsAfter = (model: Model, tokens: number): Model => ({
  ...model,
  generate(prompt, options) {
    const generation = model.generate(prompt, options)
    return {
      ...generation,
      async *[Symbol.asyncIterator](): AsyncGenerator<Chunk> {
        let written = 0
        for await (const chunk of generation) {
          if (written++ === tokens) throw new Error('a secret')
          yield chunk
        }
      },
    }
  },
})
