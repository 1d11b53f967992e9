import type { Chunk, Model } from '@g3/runtime'
import type { Completion, TokenLogprob } from './responses.js'

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

const byToken = ({ top_logprobs: top }: TokenLogprob): Record<string, number> =>
  Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))

/** The form that log-probabilities have in completions. */
export type Logprobs = NonNullable<Completion['choices'][number]['logprobs']>

/** @param begin where the first token begins in the text, in UTF-16 units */
export function legacyLogprobs(all: readonly TokenLogprob[], begin: number): Logprobs {
  const offsets: number[] = []
  let from = begin
  for (const { token } of all) {
    offsets.push(from)
    from += token.length
  }
  return {
    tokens: all.map(({ token }) => token),
    token_logprobs: all.map(({ logprob }) => logprob),
    top_logprobs: all.map(byToken),
    text_offset: offsets,
  }
}

/**
 * The same of a prompt that is echoed: one entry for each of its ids, so that callers can count them. The first follows
 * nothing and has null. Control tokens such as <bos> are named, but are no part of the echoed text.
 */
export function promptLogprobs(
  model: Model,
  ids: Int32Array,
  likelihoods: readonly (Likelihoods | undefined)[],
): Logprobs {
  const scored = likelihoods.map((one) => one && tokenLogprob(model, one))
  const offsets: number[] = []
  let from = 0
  for (const id of ids) {
    offsets.push(from)
    from += model.tokenizer.decode([id], { skipSpecial: true }).length
  }
  return {
    tokens: Array.from(ids, (id) => spelled(model, id).token),
    token_logprobs: scored.map((one) => one?.logprob ?? null),
    top_logprobs: scored.map((one) => (one ? byToken(one) : null)),
    text_offset: offsets,
  }
}

export const joinLogprobs = (one: Logprobs, other: Logprobs): Logprobs => ({
  tokens: [...one.tokens, ...other.tokens],
  token_logprobs: [...one.token_logprobs, ...other.token_logprobs],
  top_logprobs: [...one.top_logprobs, ...other.top_logprobs],
  text_offset: [...one.text_offset, ...other.text_offset],
})
