/** Time after which other work of this thread gets a turn: timers, key presses, a click on "stop". */
const TURN_MS = 40

/** A turn of the event loop. Unlike a timer it has no least delay, and unlike `setImmediate` it is on the web too. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}

/**
 * Makes a function to await between steps of long work. A backend without threads computes in the thread that awaits
 * it, and promises alone never let an event through, so an abort could not be heard.
 */
export function breather(): () => Promise<void> {
  let last = performance.now()
  return async () => {
    if (performance.now() - last < TURN_MS) return
    await turn()
    last = performance.now()
  }
}
