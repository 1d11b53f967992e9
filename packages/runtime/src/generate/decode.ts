import { breather } from './breathe.js'
import { isContextFull, makeRoom } from './overflow.js'
import type { Engine } from './engines.js'
import type { TokenLogProbabilities } from './logprobs.js'
import type { GenerationPlan } from './options.js'
import { stopText } from './stop-text.js'
import { tokenSource } from './token-source.js'

/**
 * One token and the text that became certain with it: often its own, sometimes none, sometimes that of several tokens.
 */
export interface Chunk {
  readonly text: string
  /** The token; undefined for text that was held back and is released because the generation was aborted. */
  readonly id: number | undefined
  /** How likely the token was, where that was asked for; not of one that a constraint left no choice about. */
  readonly logprobs?: TokenLogProbabilities
}

/**
 * `stop`: an end mark, stop id or stop string, or a constraint that leaves nothing to add; `length`: maxTokens;
 * `context`: the context is full; `aborted`: by the caller.
 */
export type StopReason = 'stop' | 'length' | 'context' | 'aborted'

/** What has happened so far, filled in by {@link decode}. Times are of `performance.now()`. */
export interface Progress {
  text: string
  readonly ids: number[]
  stopReason: StopReason
  cachedTokens: number
  /** Of the latest token. */
  logprobs: TokenLogProbabilities | undefined
  /** Of the prompt's tokens, where asked for. */
  promptLogprobs: readonly (TokenLogProbabilities | undefined)[] | undefined
  readonly start: number
  /** When the first and the latest token came; `start` before there is one. */
  first: number
  latest: number
}

export function newProgress(): Progress {
  const start = performance.now()
  return {
    text: '',
    ids: [],
    stopReason: 'aborted',
    cachedTokens: 0,
    logprobs: undefined,
    promptLogprobs: undefined,
    start,
    first: start,
    latest: start,
  }
}

/** Reads the prompt, then picks, decodes and appends token after token until something ends the text. */
export async function* decode(
  engine: Engine,
  prompt: Int32Array,
  plan: GenerationPlan,
  progress: Progress,
): AsyncGenerator<Chunk, void, undefined> {
  const { sequence } = engine
  const { signal } = plan
  const decoder = engine.tokenizer.stream({ skipSpecial: true })
  const stops = stopText(plan.stopStrings)
  const breathe = breather()
  const tokens = tokenSource(engine, prompt, plan, progress)
  let flushed = false
  const release = (piece: string): string => {
    const text = stops.push(piece)
    progress.text += text
    return text
  }

  /** All text that is still held; nothing the second time. */
  const flush = (): string => {
    if (flushed) return ''
    flushed = true
    const end = release(decoder.end())
    const rest = stops.end()
    progress.text += rest
    return end + rest
  }

  const likelihoods = (): Pick<Chunk, 'logprobs'> => (progress.logprobs ? { logprobs: progress.logprobs } : {})

  /** Why the text ends with the token that was just added, if it does. */
  const endAfterToken = (): StopReason | undefined => {
    if (stops.found || plan.constraint?.isFinished()) return 'stop'
    if (progress.ids.length >= plan.maxTokens) return 'length'
    return tokens.isFull && plan.overflow.policy === 'stop' ? 'context' : undefined
  }

  try {
    signal?.throwIfAborted()
    for (;;) {
      const id = await tokens.next()
      progress.latest = performance.now()
      if (progress.ids.length === 0) progress.first = progress.latest
      if (plan.stopIds.has(id)) {
        progress.stopReason = 'stop'
        yield { text: flush(), id, ...likelihoods() }
        return
      }
      progress.ids.push(id)
      let text = release(decoder.push(id))
      const reason = endAfterToken()
      if (reason) {
        text += flush()
        // The rest of the text may have completed a stop string.
        progress.stopReason = endAfterToken() ?? reason
        if (progress.stopReason === 'context') makeRoom(sequence, plan.overflow)
      }
      yield { text, id, ...likelihoods() }
      if (reason) return
      await breathe()
      signal?.throwIfAborted()
    }
  } catch (error) {
    await tokens.close()
    if (!signal?.aborted || error !== signal.reason) {
      // Nobody knows what the caches hold after a failure of the backend.
      if (!isContextFull(error)) sequence.reset()
      throw error
    }
    yield { text: flush(), id: undefined }
  } finally {
    // When the caller leaves the loop early, what was held still belongs to the text.
    flush()
    await tokens.close()
  }
}
