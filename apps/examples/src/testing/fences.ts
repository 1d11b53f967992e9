/** A fenced block of a Markdown text. */
export interface Fence {
  /** Words after the language: `ts run` has `run`. */
  readonly flags: readonly string[]
  readonly code: string
  /** Line of its first line of code, from 1. */
  readonly line: number
}

/** The blocks of TypeScript in a Markdown text. */
export const fences = (text: string): readonly Fence[] =>
  [...text.matchAll(/^```ts\b([^\n]*)\n([\s\S]*?)^```$/gm)].map(({ index, 1: flags = '', 2: code = '' }) => ({
    flags: flags.split(/\s+/).filter((flag) => flag !== ''),
    code,
    line: text.slice(0, index).split('\n').length + 1,
  }))
