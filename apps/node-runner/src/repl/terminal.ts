import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import type { History } from './history.js'

/** Where lines come from and answers go to. */
export interface Terminal extends Disposable {
  /** Lines as they are typed or piped in; ends with the input. */
  readonly lines: AsyncIterable<string>
  /** Shows a prompt and lets people type; does nothing while typed lines wait to be read. */
  ask(prompt: string): void
  /** Hides what is typed from here to the next {@link ask}; it is kept for then. */
  hush(): void
  /** Empties the line that is being typed. */
  clearLine(): void
  /** What is on that line. */
  readonly line: string
  /** Ctrl-C, from a key or a signal. */
  onInterrupt(listener: () => void): void
}

/** A writable in front of stdout that can be shut. readline asks it for its size, as it would a terminal. */
function gate(): { readonly stream: Writable; open: boolean } {
  const state = { stream: new Writable(), open: true }
  state.stream._write = (chunk, encoding, done) => {
    if (state.open) process.stdout.write(chunk, encoding)
    done()
  }
  for (const side of ['columns', 'rows'] as const)
    Object.defineProperty(state.stream, side, { get: () => process.stdout[side] })
  process.stdout.on('resize', () => state.stream.emit('resize'))
  return state
}

/**
 * readline over stdin. On a terminal it stays in raw mode the whole time, so that Ctrl-C is a key even while the model
 * answers: as a signal it would reach npm and the shell as well.
 */
export function openTerminal(history: History, complete: (line: string) => string[]): Terminal {
  const isTerminal = Boolean(process.stdin.isTTY && process.stdout.isTTY)
  const screen = gate()
  const reader: Interface = createInterface({
    input: process.stdin,
    output: isTerminal ? screen.stream : undefined,
    terminal: isTerminal,
    history: history.lines,
    historySize: 1000,
    removeHistoryDuplicates: true,
    completer: (line: string) => [complete(line), line],
  })
  // Pasted lines come all at once: a prompt between two of them would stand in the middle of nowhere.
  let waiting = 0
  reader.on('line', () => waiting++)
  async function* lines(): AsyncGenerator<string, void, undefined> {
    for await (const line of reader) {
      waiting--
      yield line
    }
  }

  const listeners: (() => void)[] = []
  const interrupt = (): void => listeners.forEach((listen) => listen())
  reader.on('SIGINT', interrupt)
  process.on('SIGINT', interrupt)
  return {
    lines: lines(),
    get line() {
      return reader.line
    },
    ask(prompt) {
      if (!isTerminal || waiting > 0) return
      screen.open = true
      reader.setPrompt(prompt)
      reader.prompt(true)
    },
    hush() {
      if (isTerminal) screen.open = false
    },
    clearLine() {
      reader.write(null, { ctrl: true, name: 'e' })
      reader.write(null, { ctrl: true, name: 'u' })
    },
    onInterrupt: (listener) => listeners.push(listener),
    [Symbol.dispose]() {
      process.off('SIGINT', interrupt)
      reader.close()
    },
  }
}
