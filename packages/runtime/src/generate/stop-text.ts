/** Watches a text that arrives in pieces for strings that end it. */
export interface StopText {
  /** Whether a stop string has come. */
  readonly found: boolean
  /** Takes the next piece; returns what surely precedes any stop string. Nothing once one was found. */
  push(piece: string): string
  /** The text is over: returns what was held back because it began like a stop string. */
  end(): string
}

/** Length of the longest end of `text` that a stop string begins with, itself not whole. */
function overlap(text: string, stops: readonly string[]): number {
  let longest = 0
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length
    }
  }
  return longest
}

/** Where the first stop string in `text` begins, or -1. */
function firstStop(text: string, stops: readonly string[]): number {
  let first = -1
  for (const stop of stops) {
    const at = text.indexOf(stop)
    if (at >= 0 && (first < 0 || at < first)) first = at
  }
  return first
}

/**
 * A stop string may lie across several tokens, so the end of the text is held back while it could still become one. The
 * stop string and what follows it are dropped; all else comes out exactly once.
 * @param stops non-empty strings
 */
export function stopText(stops: readonly string[]): StopText {
  let held = ''
  let found = false
  return {
    get found() {
      return found
    },
    push(piece) {
      if (found) return ''
      const text = held + piece
      const at = firstStop(text, stops)
      found = at >= 0
      const safe = found ? at : text.length - overlap(text, stops)
      held = found ? '' : text.slice(safe)
      return text.slice(0, safe)
    },
    end() {
      const rest = held
      held = ''
      return rest
    },
  }
}
