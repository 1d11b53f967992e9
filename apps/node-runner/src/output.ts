/**
 * Sees to it that an output which cannot be written ends the process without a stack trace: quietly when whoever read
 * stdout has gone, as in `g3 run … | head -1`, and with a line when, say, the disk is full.
 */
export function guardOutputs(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    note(`g3: stdout cannot be written: ${error.message} (cli/unwritable-output)`)
    process.exit(1)
  })
  // Nobody is left to be told.
  process.stderr.on('error', () => {})
}

/** A line for people, on stderr: stdout holds results only. */
export const note = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** Writes to stdout and waits where the reader is slower. */
export function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdout.write(text)) resolve()
    else process.stdout.once('drain', resolve)
  })
}

export const printJson = (value: unknown): Promise<void> => print(`${JSON.stringify(value)}\n`)

/** Control characters could drive the terminal; a file's names and a model's words have no business with it. */
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g

/** Text from outside, safe to show: line breaks and tabs stay, other control characters become U+FFFD. */
export const harmless = (text: string): string => text.replace(CONTROLS, '\ufffd')

/** A piece of a model's text: as it is for a file or pipe, harmless on a terminal. */
export const printText = (text: string): Promise<void> => print(process.stdout.isTTY ? harmless(text) : text)
