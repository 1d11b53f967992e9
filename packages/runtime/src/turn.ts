/**
 * A turn of the event loop: timers, key presses, a click on "stop" get theirs. Unlike a timer it has no least delay, and
 * unlike `setImmediate` it is on the web too.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}
