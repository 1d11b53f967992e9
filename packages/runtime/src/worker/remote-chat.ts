import { check } from '@g3/backend'
import type { ChatMessage, ContentPart } from '@g3/tokenizer'
import type { ChatOptions } from '../session/session.js'
import type { Generation, GenerationResult } from '../generate/generation.js'
import type { HostCalls } from './calls.js'
import type { Peer } from './peer.js'
import { AHEAD, remoteGeneration } from './remote-generation.js'
import { split, type WorkerGenerateOptions } from './wire-options.js'
import type { OwnPictures } from './wire-prompt.js'

/** A conversation with a model in a worker, which keeps it there, too: what the model holds of it is not read again. */
export interface WorkerChat {
  /** The turns so far, without the instructions. */
  readonly messages: readonly ChatMessage[]
  /** May be changed at any time; the next turn is answered under the new ones. */
  system: string | undefined
  /**
   * As `Chat.send`. Who leaves the loop early finds up to 8 tokens more in the conversation than were read.
   * @throws G3Error `generate/busy` while an answer is running, `generate/bad-option`
   */
  send(content: string | readonly ContentPart[], options?: WorkerGenerateOptions): Generation
  /** Forgets the turns and keeps the instructions. @throws G3Error `generate/busy` while an answer is running */
  reset(): void
}

/** The conversations of a page with a model. */
export function remoteChats(worker: Peer<HostCalls>, model: number, pictures: Pick<OwnPictures, 'messages'>) {
  let count = 0
  // Whoever cannot be told that a chat is gone is gone, too.
  const gone = new FinalizationRegistry((chat: number) => worker.call('forget', { model, chat }).catch(() => {}))

  return {
    begin({ system: instructions, messages = [] }: ChatOptions = {}): WorkerChat {
      const chat = count++
      const turns: ChatMessage[] = [...messages]
      let system = instructions
      let running = false
      const options = { ...(system !== undefined && { system }), messages: pictures.messages(messages) }
      const begun = worker.call('chat', { model, chat, options })
      begun.catch(() => {})

      const checkIdle = (): void =>
        check(
          !running,
          'generate/busy',
          'an answer is still running: iterate it to its end, leave its loop, or abort it first',
        )

      const proxy: WorkerChat = {
        get messages() {
          return turns
        },
        get system() {
          return system
        },
        set system(value) {
          system = value
        },
        send(content, sendOptions = {}) {
          checkIdle()
          const { wire, call } = split(sendOptions)
          const user: ChatMessage = { role: 'user', content }
          const [{ content: sent }] = pictures.messages([user])
          const args = { model, chat, system, content: sent, options: wire }
          const onEnd = (result: GenerationResult | undefined): void => {
            running = false
            if (result && (result.text !== '' || result.stopReason !== 'aborted')) {
              turns.push(user, { role: 'assistant', content: result.text })
            }
          }
          running = true
          return remoteGeneration(
            {
              stream: () => worker.stream('send', args, AHEAD, call),
              alone: () => worker.call('send', args, call),
            },
            onEnd,
          )
        },
        reset() {
          checkIdle()
          turns.length = 0
          worker.call('reset', { model, chat }).catch(() => {})
        },
      }
      gone.register(proxy, chat)
      return proxy
    },
  }
}
