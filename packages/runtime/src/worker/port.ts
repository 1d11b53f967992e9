/** One end of a line between two threads: what is used of a `MessagePort`, the web's or Node's. */
export interface Port {
  post(message: unknown, transfer: readonly Transferable[]): void
  onMessage(listener: (message: unknown) => void): void
  /** Told when the other end is closed or a message cannot be read, where the engine tells. */
  onEnd(listener: (reason: string) => void): void
  /** Whether something waits for an answer, which keeps a process of Node alive. */
  hold(busy: boolean): void
  close(): void
}

/** The part of Node's `MessagePort` that the web's lacks; named here so that pages need no Node types. */
interface Held {
  ref(): void
  unref(): void
}

const isHeld = (port: MessagePort): port is MessagePort & Held => 'ref' in port && 'unref' in port

const CLOSED_MS = 100

/** @param holds whether waiting for answers is what keeps a process of Node alive; otherwise the open line does */
export const portOf = (port: MessagePort, holds: boolean): Port => ({
  post: (message, transfer) => port.postMessage(message, [...transfer]),
  onMessage(listener) {
    port.addEventListener('message', (event) => listener(event.data))
    port.start()
    if (holds && isHeld(port)) port.unref()
  },
  onEnd(listener) {
    // Newer engines tell when the other end is gone; for the others there are locks, see `alive.ts`.
    // A worker that fails says why, a little later.
    port.addEventListener('close', () => setTimeout(() => listener('its line was closed'), CLOSED_MS))
    port.addEventListener('messageerror', () => listener('a message could not be read'))
  },
  hold(busy) {
    if (!holds || !isHeld(port)) return
    if (busy) port.ref()
    else port.unref()
  },
  close: () => port.close(),
})
