import type { ContentPart } from '@g3/tokenizer'
import type { GenerateOptions } from '../generate/options.js'
import type { Model } from '../generate/model.js'
import { session, type Chat, type SessionModel } from '../session/session.js'
import { runTools } from '../tools/run.js'
import type { Tool } from '../tools/tool.js'
import { domError, quotaExceeded } from './errors.js'
import { readInput, type ReadyInput, type ReadyMessage } from './input.js'
import { answerConstraint, constraintText, type Sampling } from './settings.js'
import { addMessages, joinedParts } from './turns.js'
import type { PromptInput, PromptMessage, PromptOptions } from './types.js'

/** A model that the Prompt API can stand before. */
export type PromptModel = SessionModel & Pick<Model, 'picture' | 'seesImages' | 'logits'>

/** What a session is made with. */
export interface TalkSettings {
  readonly model: PromptModel
  readonly sampling: Sampling
  readonly allowsImages: boolean
  readonly tools: readonly Tool[]
  /** Told when the oldest turns were dropped. */
  onOverflow(): void
}

/** Where a conversation is: a chat, and messages that came after its last answer. */
export interface TalkState {
  readonly chat: Chat
  readonly pending: readonly ReadyMessage[]
}

/** Tokens that an answer has room for at least, where the context has four times as many. */
const ANSWER_ROOM = 256

/** The conversation under a session: nothing changes unless an operation succeeds. */
export interface Talk {
  readonly state: TalkState
  /** Tokens in use. */
  readonly usage: number
  measure(input: PromptInput, options: PromptOptions, signal: AbortSignal): Promise<number>
  /** Answers; `listen` is told of the text as it comes. @throws the signal's reason */
  answer(
    input: PromptInput,
    options: PromptOptions,
    signal: AbortSignal,
    listen: (text: string) => void,
  ): Promise<string>
  /** Adds messages, which the model reads now. @throws the signal's reason */
  append(input: PromptInput, signal: AbortSignal): Promise<void>
}

/** @throws TypeError, DOMException, for initial prompts as for any input; `QuotaExceededError` where they do not fit */
export async function beginTalk(
  settings: TalkSettings,
  initial: readonly PromptMessage[],
  instructions: string | undefined,
  signal: AbortSignal,
): Promise<Talk> {
  const rules = {
    model: settings.model,
    allowsImages: settings.allowsImages,
    allowsSystem: true,
    allowsPrefix: false,
    signal,
  }
  const { system, messages } = await readInput(initial, rules)
  const all = [system, instructions].filter((text) => text !== undefined).join('\n\n')
  const chat = session(settings.model, all === '' ? {} : { system: all })
  const talk = talkOf(settings, { chat, pending: messages })
  const { context } = settings.model
  if (talk.usage > context) throw quotaExceeded(talk.usage, context)
  return talk
}

export function talkOf(settings: TalkSettings, begin: TalkState): Talk {
  const { model, sampling, tools } = settings
  let state = begin
  const answerRoom = Math.min(ANSWER_ROOM, Math.floor(model.context / 4))

  /** Ids of a chat with messages after it, up to where an answer would begin. */
  const promptIds = (chat: Chat, messages: readonly ReadyMessage[], more = ''): Int32Array => {
    const copy = chat.fork()
    const open = addMessages(copy, messages)
    return copy.encode(withText(open ?? [], more))
  }

  /** What an empty turn takes, in a chat and at its beginning. */
  const emptyTurn = model.encode([{ role: 'user', content: '' }]).length
  const usageOf = ({ chat, pending }: TalkState): number => {
    const isEmpty = chat.messages.length === 0 && pending.length === 0
    const total = promptIds(chat, pending).length
    if (isEmpty) return total - emptyTurn
    // A turn that is open stays; an empty one is there for counting only.
    return pending.at(-1)?.role === 'user' ? total : total - emptyTurn - 1
  }

  const read = (input: PromptInput, signal: AbortSignal, allowsPrefix: boolean): Promise<ReadyInput> =>
    readInput(input, { model, allowsImages: settings.allowsImages, allowsSystem: false, allowsPrefix, signal })

  /**
   * A copy of the chat that has room for an answer after these messages; the oldest turns are dropped for that.
   * @throws DOMException `QuotaExceededError` where the messages alone have none
   */
  const roomFor = (messages: readonly ReadyMessage[], more: string, room: number): { chat: Chat; dropped: boolean } => {
    let chat = state.chat.fork()
    for (let dropped = false; ; dropped = true) {
      const count = promptIds(chat, messages, more).length
      if (count + room <= model.context) return { chat, dropped }
      if (chat.messages.length === 0) throw quotaExceeded(count + room, model.context)
      chat = session(model, {
        ...(chat.system !== undefined && { system: chat.system }),
        messages: chat.messages.slice(2),
      })
    }
  }

  return {
    get state() {
      return state
    },
    get usage() {
      return usageOf(state)
    },
    async measure(input, options, signal) {
      const { messages, prefix } = await read(input, signal, true)
      const after = promptIds(state.chat, [...state.pending, ...messages], constraintText(options) ?? '').length
      return Math.max(0, after + model.tokenizer.encode(prefix).length - usageOf(state))
    },
    async answer(input, options, signal, listen) {
      const constraint = answerConstraint(options.responseConstraint, () => model.vocabulary())
      if (constraint && tools.length > 0)
        throw domError('NotSupportedError', 'responseConstraint is not supported beside tools')
      const { messages, prefix } = await read(input, signal, true)
      if (prefix !== '' && tools.length > 0)
        throw domError('NotSupportedError', 'a prefix is not supported beside tools')
      const more = constraintText(options) ?? ''
      const { chat, dropped } = roomFor([...state.pending, ...messages], more, answerRoom)
      if (dropped) settings.onOverflow()
      const content = withText(addMessages(chat, [...state.pending, ...messages]) ?? [], more)
      const how: GenerateOptions = { ...sampling, signal, overflow: 'stop', onOverflow: settings.onOverflow }
      let text = ''
      const say = (piece: string): void => {
        text += piece
        if (piece !== '') listen(piece)
      }
      if (tools.length > 0) {
        for await (const event of runTools(chat, content, { ...how, tools })) if (event.type === 'text') say(event.text)
      } else {
        const generation = chat.send(content, { ...how, prefix, ...(constraint && { constraint }) })
        for await (const chunk of generation) say(chunk.text)
      }
      signal.throwIfAborted()
      state = { chat, pending: [] }
      return text
    },
    async append(input, signal) {
      const { messages } = await read(input, signal, false)
      const pending = [...state.pending, ...messages]
      const { chat, dropped } = roomFor(pending, '', 0)
      if (dropped) settings.onOverflow()
      await model.logits(promptIds(chat, pending), { signal })
      signal.throwIfAborted()
      state = { chat, pending }
    },
  }
}

/** A text after the content of a turn. */
const withText = (content: readonly ContentPart[], more: string): readonly ContentPart[] =>
  more === '' ? content : joinedParts(content, [{ type: 'text', text: `\n${more}` }])
