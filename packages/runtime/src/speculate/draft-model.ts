import { check } from '@g3/backend'
import type { Model } from '../generate/model.js'
import type { Draft, Drafter } from './drafter.js'

/**
 * Lets a smaller model guess: its likeliest tokens. It must have the vocabulary of the model that it guesses for, as all
 * Gemma 3 have, and stays the caller's, who disposes it. It needs a sequence of its own while a text is generated.
 * @throws G3Error while generating: `speculate/images` for a prompt with images, and what {@link Model.generate} throws
 */
export function draftModel(model: Pick<Model, 'generate' | 'context' | 'tokenizer'>): Drafter {
  return {
    start(prompt) {
      check(
        prompt.every((id) => id >= 0),
        'speculate/images',
        'a draft model does not see the images of a prompt: speculate by promptLookup, or not at all',
      )
      const text = [...prompt]
      const { size } = model.tokenizer
      return {
        accept(id) {
          text.push(id)
        },
        async propose(most): Promise<Draft> {
          const room = model.context - text.length
          if (room < most || text.some((id) => id >= size)) return { ids: [], strength: 0 }
          const { ids } = await model.generate(Int32Array.from(text), { temperature: 0, maxTokens: most }).result()
          return { ids, strength: 0 }
        },
      }
    },
  }
}
