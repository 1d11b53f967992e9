import { check } from '@g3/backend'
import type { ChatMessage, ContentPart } from '@g3/tokenizer'
import type { Generation, GenerationResult } from '../generate/generation.js'
import { joined } from '../generate/ids.js'
import type { Model } from '../generate/model.js'
import type { GenerateOptions } from '../generate/options.js'
import { saveSession } from './saved.js'
import { answerTurn, idsOf, isAnswer, type Turn } from './turns.js'
import { watched } from './watched.js'

/** What a session asks of its model. */
export type SessionModel = Pick<
  Model,
  'encode' | 'tokenizer' | 'generate' | 'vocabulary' | 'save' | 'restore' | 'context'
>

export interface ChatOptions {
  /** Instructions that the model sees before the first user turn. */
  readonly system?: string
  /** A conversation to go on with: user and assistant in turns, the user first, the assistant last. */
  readonly messages?: readonly ChatMessage[]
}

export interface AnswerOptions extends GenerateOptions {
  /** What the answer begins with. It is part of the message, not of the generation's text. */
  readonly prefix?: string
}

export interface RegenerateOptions extends AnswerOptions {
  /** Place of the answer among the messages. Default: the last one. */
  readonly at?: number
}

/**
 * A conversation with a model: multi-turn, with images. Each turn goes on from what the model holds of the last: answers
 * stay the ids that were generated, where a template would trim their text and encode it anew, so nothing is read twice.
 */
export interface Chat {
  readonly model: SessionModel
  /** The turns so far, without the instructions. */
  readonly messages: readonly ChatMessage[]
  /** May be changed at any time; the next turn is answered under the new ones. */
  system: string | undefined
  /** The ids that the next turn goes on from: all turns up to the last answer. None before the first. */
  readonly ids: Int32Array
  /** The ids that {@link send} would have the model read. */
  encode(content: string | readonly ContentPart[]): Int32Array
  /**
   * Adds a user turn, a text or parts with images among them, and answers it. The answer joins the conversation when the
   * generation ends, as far as it came. After an error, or an abort before the first text, the conversation is as if
   * nothing was sent.
   * @throws G3Error `generate/busy` while an answer is running
   */
  send(content: string | readonly ContentPart[], options?: AnswerOptions): Generation
  /**
   * Answers a user turn again. The new answer takes the place of the old one and of all that followed; after an error, or
   * an abort before the first text, nothing has changed.
   * @throws G3Error `session/no-turn`, `generate/busy`
   */
  regenerate(options?: RegenerateOptions): Generation
  /**
   * Says something else in a user turn, and answers it as {@link regenerate} does.
   * @param at the turn's place among the messages
   * @throws G3Error `session/no-turn`, `generate/busy`
   */
  edit(at: number, content: string | readonly ContentPart[], options?: AnswerOptions): Generation
  /** Adds a user turn and an answer that come from elsewhere. @throws G3Error `generate/busy` */
  add(content: string | readonly ContentPart[], answer: string): void
  /** Drops the turns from a place on; a user's, so that an answer stays last. @throws G3Error `session/no-turn`, `generate/busy` */
  rewind(at: number): void
  /** Another conversation that has come as far, and goes its own way from here. What both have is read once. */
  fork(): Chat
  /** Forgets the turns and keeps the instructions. @throws G3Error `generate/busy` while an answer is running */
  reset(): void
  /**
   * The conversation with its caches, for {@link restoreSession}, here or in another process.
   * @throws G3Error `generate/busy`, and as {@link Model.save}
   */
  save(): AsyncIterable<Uint8Array>
}

/** Begins a conversation with a model. Several may take turns. */
export const session = (model: SessionModel, { system, messages = [] }: ChatOptions = {}): Chat =>
  sessionOf(
    model,
    system,
    messages.map((message) => ({ message })),
  )

/** A conversation of turns whose ids may be known. */
export function sessionOf(model: SessionModel, instructions: string | undefined, before: readonly Turn[]): Chat {
  let turns: readonly Turn[] = before
  let system = instructions
  let running = false

  const checkIdle = (): void =>
    check(
      !running,
      'generate/busy',
      'an answer is still running: iterate it to its end, leave its loop, or abort it first',
    )

  const answer = (earlier: readonly Turn[], user: Turn, { prefix = '', ...options }: AnswerOptions): Generation => {
    const begun = model.tokenizer.encode(prefix)
    const prompt = joined(idsOf(model, system, [...earlier, user]), begun)
    const onEnd = (result: GenerationResult | undefined): void => {
      running = false
      const isAnswered = result !== undefined && (result.text !== '' || result.stopReason !== 'aborted')
      if (isAnswered) turns = [...earlier, user, answerTurn(model, prefix, begun, result)]
    }
    const generation = watched(model.generate(prompt, options), onEnd)
    running = true
    return generation
  }

  const turnAt = (at: number, wantsAnswer: boolean): Turn => {
    const turn = Number.isInteger(at) ? turns[at] : undefined
    check(
      turn !== undefined && isAnswer(turn) === wantsAnswer,
      'session/no-turn',
      () =>
        `message ${at} of ${turns.length} is no ${wantsAnswer ? 'answer' : 'user turn'}: see messages for where they are`,
    )
    return turn
  }

  return {
    model,
    get messages() {
      return turns.map(({ message }) => message)
    },
    get system() {
      return system
    },
    set system(value) {
      if (value === system) return
      system = value
      // The first turn says something else now.
      turns = turns.map((turn, i) => (i === 0 ? { message: turn.message } : turn))
    },
    get ids() {
      return idsOf(model, system, turns)
    },
    encode: (content) => idsOf(model, system, [...turns, { message: { role: 'user', content } }]),
    send(content, options = {}) {
      checkIdle()
      return answer(turns, { message: { role: 'user', content } }, options)
    },
    regenerate({ at = turns.length - 1, ...options } = {}) {
      checkIdle()
      turnAt(at, true)
      return answer(turns.slice(0, at - 1), turnAt(at - 1, false), options)
    },
    edit(at, content, options = {}) {
      checkIdle()
      turnAt(at, false)
      return answer(turns.slice(0, at), { message: { role: 'user', content } }, options)
    },
    add(content, text) {
      checkIdle()
      turns = [...turns, { message: { role: 'user', content } }, { message: { role: 'assistant', content: text } }]
    },
    rewind(at) {
      checkIdle()
      if (at !== turns.length) turnAt(at, false)
      turns = turns.slice(0, at)
    },
    fork: () => sessionOf(model, system, turns),
    reset() {
      checkIdle()
      turns = []
    },
    save() {
      checkIdle()
      return saveSession(model, system, turns)
    },
  }
}
