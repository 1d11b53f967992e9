/** What a user means by the lines they typed. */
export type Entry =
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'command'; readonly name: string; readonly argument: string }
  | { readonly kind: 'more' }
  | { readonly kind: 'nothing' }

/** Puts typed lines together to messages and commands. */
export interface Entries {
  /** Whether a message has begun and goes on. */
  readonly open: boolean
  push(line: string): Entry
  /** Drops a message that has begun. */
  clear(): void
  /** The input is over: what has begun, as a message. */
  end(): Entry
}

const FENCE = '"""'
const COMMAND = /^\/([a-z]+)(?:\s+(.*))?$/s

/**
 * A line ending in a backslash goes on in the next; `"""` begins a message of several lines and ends it. A line of a
 * slash and a word is a command; `//` begins a message with a slash.
 */
export function entries(): Entries {
  let lines: string[] = []
  let fenced = false

  const close = (): Entry => {
    const text = lines.join('\n')
    lines = []
    fenced = false
    return text.trim() === '' ? { kind: 'nothing' } : { kind: 'message', text }
  }

  const pushFenced = (line: string): Entry => {
    const at = line.indexOf(FENCE)
    if (at < 0) {
      lines.push(line)
      return { kind: 'more' }
    }
    // What follows the closing fence belongs to the message's last line; nobody types that on purpose.
    lines.push(line.slice(0, at) + line.slice(at + FENCE.length))
    return close()
  }

  return {
    get open() {
      return fenced || lines.length > 0
    },
    push(line) {
      if (fenced) return pushFenced(line)
      if (lines.length === 0) {
        const command = COMMAND.exec(line)
        if (command) return { kind: 'command', name: command[1], argument: (command[2] ?? '').trim() }
        if (line.startsWith(FENCE)) {
          fenced = true
          return pushFenced(line.slice(FENCE.length))
        }
      }
      const text = lines.length === 0 && line.startsWith('//') ? line.slice(1) : line
      if (text.endsWith('\\')) {
        lines.push(text.slice(0, -1))
        return { kind: 'more' }
      }
      lines.push(text)
      return close()
    },
    clear() {
      lines = []
      fenced = false
    },
    end: close,
  }
}
