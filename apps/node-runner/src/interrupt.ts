import { EXIT, Interrupted } from './failure.js'

/** A second signal within this time belongs to the same key press: the terminal and npm both send one. */
const SAME_PRESS_MS = 300

/**
 * A signal that aborts on Ctrl-C (with {@link Interrupted} as its reason). Pressed again, the process ends at once,
 * whatever it does. Dispose of it to give Ctrl-C its usual meaning back.
 */
export function onInterrupt(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  let first = 0
  const listen = (): void => {
    if (!controller.signal.aborted) {
      first = performance.now()
      controller.abort(new Interrupted('interrupted'))
    } else if (performance.now() - first > SAME_PRESS_MS) process.exit(EXIT.interrupted)
  }
  process.on('SIGINT', listen)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => process.off('SIGINT', listen),
  }
}
