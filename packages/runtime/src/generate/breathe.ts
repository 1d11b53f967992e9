import { turn } from '../turn.js'

/** Time after which other work of this thread gets a turn. */
const TURN_MS = 40

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
