import { DRAW_WORDS, editLogits, isG3Error, type LogitEdits } from '@g3/backend'
import { MOST_CHANGES } from '../sampling/edits.js'
import { ranking } from '../sampling/top-k.js'
import type { Progress } from './decode.js'
import type { Engine } from './engines.js'
import { guesses } from './guesses.js'
import { joined } from './ids.js'
import { textEdits } from './logit-edits.js'
import { nextLogProbabilities } from './logprobs.js'
import type { GenerationPlan } from './options.js'
import { makeRoom } from './overflow.js'
import { readScoredPrompt } from './prompt-logprobs.js'
import { readPrompt } from './read-prompt.js'

/** Gives one token of a text after the other. A constraint has accepted each token that is given. */
export interface TokenSource {
  /** The next token. The caller has added the one before to `progress.ids`. */
  next(): Promise<number>
  /** Whether the model has no room for the token that came last. */
  readonly isFull: boolean
  /** Takes back what was asked for and is not wanted any more. */
  close(): Promise<void>
}

/**
 * Where the backend runs ahead, the token after the next is asked for before the next has come. Where the hardware is
 * lost, it comes back, the text is read again and goes on: what was drawn for a token that did not come is kept, so the
 * tokens are the same.
 */
export function tokenSource(
  { sequence, recover }: Engine,
  prompt: Int32Array,
  {
    sampler,
    signal,
    onPrefill,
    onEncode,
    overflow,
    maxTokens,
    constraint,
    logprobs,
    promptLogprobs,
    speculate,
  }: GenerationPlan,
  progress: Progress,
): TokenSource {
  const { ids } = progress
  const edits = textEdits(sampler.editor, constraint, sequence.vocabulary, prompt, ids)
  const isPlain = edits === undefined
  const isRanked = sampler.depth <= sequence.rankable
  const isDrawnThere = isRanked && !sampler.drawnHere && (isPlain || sequence.takesEdits)
  const runsAhead = sequence.runsAhead && isDrawnThere && isPlain && logprobs === undefined && speculate === undefined
  /** Draws of the tokens that have not come, the next one's first. */
  const draws: Int32Array[] = []
  /** [vocab], made once for texts whose sampler looks at all. */
  let logits: Float32Array | undefined
  /** Whether the model holds the text, but for the tokens that came since: one, and those that were forced after it. */
  let isHeld = false
  let since = 0
  /** Tokens that are the only way on. */
  let forced: readonly number[] = []
  /** Room for the tokens that a constraint chooses from. */
  const ranked = ranking(constraint ? sequence.rankable : 0)
  /** The same, as many as decide. */
  const drawnFrom = ranking(isRanked ? sampler.depth : 0)
  /** The token after those in `ids`, where it was asked for. */
  let asked: Promise<number> | undefined

  const readScored = async (count: number): Promise<void> => {
    progress.promptLogprobs = await readScoredPrompt(sequence, prompt, count, {
      ...(signal && { signal }),
      ...(onPrefill && { onProgress: onPrefill }),
      onEncode,
    })
    isHeld = true
  }

  const read = async (): Promise<void> => {
    if (ids.length === 0 && promptLogprobs !== undefined) return readScored(promptLogprobs)
    const text = ids.length === 0 ? prompt : joined(prompt, Int32Array.from(ids))
    const cached = await readPrompt(sequence, text, { signal, onProgress: onPrefill, onEncode }, overflow)
    if (ids.length === 0) progress.cachedTokens = cached
    isHeld = true
    since = 0
  }

  /** Takes what came since into the model: in one pass, where there is room. */
  const goOn = async (): Promise<void> => {
    while (since > 0) {
      if (sequence.remaining === 0) makeRoom(sequence, overflow)
      const count = Math.min(since, sequence.remaining)
      const from = ids.length - since
      if (count === 1) sequence.step(ids[from])
      else await sequence.append(ids.slice(from, from + count), signal ? { signal } : {})
      since -= count
    }
  }

  /** The draw of the next token, or of the one `after` it. */
  const drawOf = (after: number): Int32Array => {
    while (draws.length <= after) {
      const draw = new Int32Array(DRAW_WORDS)
      sampler.draw(draw)
      draws.push(draw)
    }
    return draws[after]
  }

  /** Where nothing but a constraint changes the logits, the likeliest tokens mostly decide, and the others stay there. */
  const pickRanked = async ({ allowed }: LogitEdits): Promise<number | undefined> => {
    if (allowed === undefined || sampler.editor !== undefined || sequence.rankable === 0) return undefined
    return sampler.pickAllowed(await sequence.top(ranked), (id) => ((allowed[id >> 5] >>> (id & 31)) & 1) === 1)
  }

  const ask = async (): Promise<number> => {
    if (sampler.greedy && sampler.editor === undefined) {
      // The likeliest token, if it is allowed, needs no logits.
      const likeliest = await sequence.pick()
      if (constraint === undefined || constraint.allows(likeliest)) return likeliest
    }
    const changes = edits?.()
    if (isDrawnThere) return sequence.draw(drawOf(0), changes)
    if (changes === undefined && isRanked) return sampler.pickRanked(await sequence.top(drawnFrom))
    const allowed = changes && (await pickRanked(changes))
    if (allowed !== undefined) return allowed
    logits = await sequence.logits(logits)
    if (changes !== undefined) editLogits(logits, changes, 0, MOST_CHANGES)
    return sampler.pick(logits)
  }

  /** Asks for the token after the next, where there is to be one and it has room. */
  const follow = (): Promise<number> | undefined => {
    if (!runsAhead || ids.length + 1 >= maxTokens || sequence.remaining === 0) return undefined
    const token = sampler.greedy ? sequence.follow() : sequence.follow(drawOf(1))
    // Who waits for it learns of its failure.
    token.catch(() => {})
    return token
  }

  const text = speculate?.start(prompt)
  const plan = { sampler, constraint, logprobs }
  const always = speculate?.always ?? false
  const ahead = text && guesses({ sequence, plan, progress, always, isDrawnThere, edits, drawOf })

  /** Reads what came since, and guesses with it. @returns whether there were any */
  const guess = async (): Promise<boolean> => {
    if (text === undefined || ahead === undefined || since === 0) return false
    const room = Math.min(sequence.mostRows, sequence.remaining) - since
    const wanted = ahead.wanted(Math.min(room, maxTokens - ids.length - 1))
    if (wanted <= 0) return false
    const start = performance.now()
    const draft = await text.propose(wanted)
    const chosen = ahead.choose(draft, performance.now() - start).filter(isId)
    if (chosen.length === 0) return false
    await ahead.check(ids.slice(ids.length - since), chosen)
    since = 0
    return true
  }
  const isId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < sequence.vocabulary

  /** The next token by guesses that were read; undefined where there are none, or more is needed. */
  const nextOfGuesses = async (): Promise<number | undefined> => {
    if (ahead === undefined || !(ahead.isAhead || (await guess()))) return undefined
    const id = await ahead.next()
    if (id !== undefined) return id
    // The last token is read once more, by itself.
    ahead.leave(1)
    since = 1
    return undefined
  }

  const given = (id: number): number => {
    // Who has asked for the token after it has read it.
    if (!ahead?.take(id) && asked === undefined) since++
    constraint?.accept(id)
    text?.accept(id)
    return id
  }

  return {
    async next() {
      const free = ahead?.isAhead ? sequence.remaining + ahead.left : sequence.remaining - since
      if (isHeld && constraint && free > 0) {
        if (forced.length === 0) forced = constraint.forced()
        const [id] = forced
        forced = forced.slice(1)
        progress.logprobs = undefined
        if (id !== undefined) return given(id)
      }
      for (;;) {
        try {
          const guessed = isHeld ? await nextOfGuesses() : undefined
          if (guessed !== undefined) {
            draws.shift()
            return given(guessed)
          }
          const start = performance.now()
          const isOne = since === 1
          if (!isHeld) await read()
          else if (asked === undefined) await goOn()
          const likelihoods = logprobs === undefined ? undefined : await nextLogProbabilities(sequence, logprobs)
          const coming = asked ?? ask()
          asked = undefined
          asked = follow()
          const id = await coming
          progress.logprobs = await likelihoods?.(id)
          draws.shift()
          if (isOne) ahead?.stepped(performance.now() - start)
          return given(id)
        } catch (error) {
          ahead?.lose()
          if (!isLost(error)) throw error
          isHeld = false
          asked = undefined
          await recover()
        }
      }
    },
    get isFull() {
      return asked === undefined && !ahead?.isAhead && sequence.remaining === 0
    },
    async close() {
      if (ahead?.isAhead) ahead.leave()
      if (asked === undefined) return
      const isThere = await asked.then(
        () => true,
        () => false,
      )
      asked = undefined
      if (isThere) sequence.rewind(sequence.length - 1)
    },
  }
}

/** Whether the hardware went away, and all that was in its memory. */
export const isLost = (error: unknown): boolean => isG3Error(error) && error.code === 'backend/lost'
