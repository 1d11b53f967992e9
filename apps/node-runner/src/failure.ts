import { isG3Error } from '@g3/backend'
import { CommanderError } from 'commander'
import { harmless, note } from './output.js'

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** Errors that say the caller asked for something that cannot be. */
const USAGE = new Set(['cli/usage', 'cli/bad-config', 'evaluate/bad-option', 'distill/bad-option', 'generate/bad-option', 'generate/bad-context', 'estimate/bad-option', 'sampling/bad-option'])

/** The command was stopped by Ctrl-C. */
export class Interrupted extends Error {}

/** Prints an error as one readable line with its code, and sets the exit code. */
export function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    // Commander has printed its line, or the help that was asked for.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage
  } else if (error instanceof Interrupted || (error instanceof Error && error.name === 'AbortError')) {
    process.exitCode = EXIT.interrupted
  } else if (isG3Error(error)) {
    note(`g3: ${oneLine(error.message)} (${error.code})`)
    process.exitCode = USAGE.has(error.code) ? EXIT.usage : EXIT.failed
  } else {
    note(`g3: ${oneLine(error instanceof Error ? error.message : String(error))} (cli/unexpected)`)
    if (error instanceof Error && process.env.G3_DEBUG) note(error.stack ?? '')
    process.exitCode = EXIT.failed
  }
}

const oneLine = (message: string): string => harmless(message.replace(/\s*\n\s*/g, ' '))
