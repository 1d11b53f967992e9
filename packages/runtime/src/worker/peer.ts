import { G3Error } from '@g3/backend'
import { answering, type Handlers } from './answering.js'
import { asking, type Asking } from './asking.js'
import type { Calls, Message } from './messages.js'
import type { Port } from './port.js'

/** One side of a line: it asks the other what `Theirs` lists, and answers what `Mine` does. */
export interface Peer<Theirs extends Calls<Theirs>> extends Pick<Asking<Theirs>, 'call' | 'stream'> {
  /** Ends the line here: all that waits is rejected, all that runs for the other side is aborted. */
  end(error: G3Error): void
}

/**
 * Listens on a port from now on.
 * @param onEnd told once when the line has ended, from either side; `settled`: all that ran for the other side has ended, too
 */
export function peer<Theirs extends Calls<Theirs>, Mine extends Calls<Mine>>(
  port: Port,
  handlers: Handlers<Mine>,
  onEnd: (error: G3Error, settled: Promise<void>) => void = () => {},
): Peer<Theirs> {
  let ended: G3Error | undefined
  const ask = asking<Theirs>(
    (message, transfer = []) => {
      if (ended !== undefined) throw ended
      port.post(message, transfer)
    },
    (busy) => port.hold(busy),
  )
  const answer = answering<Mine>((message, transfer = []) => {
    if (ended === undefined) port.post(message, transfer)
  }, handlers)

  const end = (error: G3Error): void => {
    if (ended !== undefined) return
    ended = error
    ask.end(error)
    const settled = answer.end(error)
    port.close()
    onEnd(error, settled)
  }

  port.onEnd((reason) => end(endedBy(reason)))
  port.onMessage((message) => {
    if (ended !== undefined || !isMessage(message)) return
    if (message.to === 'asker') ask.take(message)
    else answer.take(message)
  })
  return { call: ask.call, stream: ask.stream, end }
}

export const endedBy = (reason: string): G3Error =>
  new G3Error('worker/ended', `the other thread is gone (${reason}): start a new worker and load the model again`)

/** Engines' own tools may send other things. */
const isMessage = (value: unknown): value is Message =>
  typeof value === 'object' && value !== null && 'g3' in value && value.g3 === 'message'
