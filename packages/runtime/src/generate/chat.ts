import { check } from '@g3/backend'
import type { ChatMessage, ContentPart } from '@g3/tokenizer'
import type { Generation, GenerationResult } from './generation.js'
import type { GenerateOptions } from './options.js'

export interface ChatOptions {
  /** Instructions that the model sees before the first user turn. */
  readonly system?: string
  /** A conversation to go on with: user and assistant in turns, the user first, the assistant last. */
  readonly messages?: readonly ChatMessage[]
}

/** A conversation. What the turns share with the last generation is not read again. */
export interface Chat {
  /** The turns so far, without the instructions. */
  readonly messages: readonly ChatMessage[]
  /** May be changed at any time; the next turn is answered under the new ones. */
  system: string | undefined
  /**
   * Adds a user turn, a text or parts with images among them, and answers it. The answer joins the conversation when the generation ends, as far as it came.
   * After an error, or an abort before the first text, the conversation is as if nothing was sent.
   * @throws G3Error `generate/busy` while an answer is running
   */
  send(content: string | readonly ContentPart[], options?: GenerateOptions): Generation
  /** Forgets the turns and keeps the instructions. @throws G3Error `generate/busy` while an answer is running */
  reset(): void
}

/** Answers a conversation; tells `onEnd` the result, or nothing when it threw. */
export type Answer = (
  messages: readonly ChatMessage[],
  options: GenerateOptions | undefined,
  onEnd: (result: GenerationResult | undefined) => void,
) => Generation

export function chatSession(answer: Answer, options: ChatOptions = {}): Chat {
  const turns: ChatMessage[] = [...(options.messages ?? [])]
  let system = options.system
  let running = false

  const checkIdle = (): void =>
    check(
      !running,
      'generate/busy',
      'an answer is still running: iterate it to its end, leave its loop, or abort it first',
    )

  return {
    get messages() {
      return turns
    },
    get system() {
      return system
    },
    set system(value) {
      system = value
    },
    send(content, generateOptions) {
      checkIdle()
      const user: ChatMessage = { role: 'user', content }
      const instructions: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }]
      const reply = answer([...instructions, ...turns, user], generateOptions, (result) => {
        running = false
        if (result && (result.text !== '' || result.stopReason !== 'aborted')) {
          turns.push(user, { role: 'assistant', content: result.text })
        }
      })
      running = true
      return reply
    },
    reset() {
      checkIdle()
      turns.length = 0
    },
  }
}
