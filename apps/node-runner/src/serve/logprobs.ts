import type { Chunk, Model } from '@g3/runtime'
import type { TokenLogprob } from './responses.js'

type Likelihoods = NonNullable<Chunk['logprobs']>

/** A token's text: alone it may be a part of a character, which its bytes tell. */
const spelled = ({ tokenizer }: Model, id: number): { readonly token: string; readonly bytes: number[] } => {
  const bytes = tokenizer.bytes(id)
  return { token: new TextDecoder().decode(bytes), bytes: [...bytes] }
}

/** −Infinity has no JSON. */
const LEAST = -9999

const finite = (logprob: number): number => Math.max(LEAST, logprob)

export const tokenLogprob = (model: Model, { id, logprob, top }: Likelihoods): TokenLogprob => ({
  ...spelled(model, id),
  logprob: finite(logprob),
  top_logprobs: top.map((one) => ({ ...spelled(model, one.id), logprob: finite(one.logprob) })),
})

/** Whether a token ends a text, of which it is no part. */
export const isEnd = ({ tokenizer }: Model, id: number): boolean => id === tokenizer.eos || id === tokenizer.endOfTurn
