import type { Chunk, Generation, Model } from '@g3/runtime'

type Tokenizer = Model['tokenizer']
type TokenLogProbabilities = NonNullable<Chunk['logprobs']>

/** Log-probabilities of a token as `--json` has them. */
export const logprobsJson = (tokenizer: Tokenizer, { id, logprob, top }: TokenLogProbabilities): object => ({
  id,
  text: tokenizer.decode([id]),
  logprob,
  top: top.map((each) => ({ id: each.id, text: tokenizer.decode([each.id]), logprob: each.logprob })),
})

/** The same as a line for people. */
export function logprobsLine(tokenizer: Tokenizer, { id, logprob, top }: TokenLogProbabilities): string {
  const show = (of: number, value: number): string =>
    `${value.toFixed(3).padStart(8)} ${JSON.stringify(tokenizer.decode([of]))}`
  return [show(id, logprob), ...top.map((each) => show(each.id, each.logprob))].join('  ')
}

/** The same generation, of which what is told of tokens is gathered as they come. */
export function hearing(generation: Generation): { generation: Generation; told: readonly TokenLogProbabilities[] } {
  const told: TokenLogProbabilities[] = []
  async function* chunks(): AsyncGenerator<Chunk, void, undefined> {
    for await (const chunk of generation) {
      if (chunk.logprobs) told.push(chunk.logprobs)
      yield chunk
    }
  }
  return { generation: { [Symbol.asyncIterator]: chunks, result: () => generation.result() }, told }
}
