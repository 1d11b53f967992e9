import { G3Error } from '@g3/backend'

/** A line of a file and where it lies there, in bytes. */
export interface Line {
  readonly bytes: Uint8Array
  readonly from: number
  /** Counted from 1, empty ones too. */
  readonly number: number
}

const NEWLINE = 10

/**
 * The lines of a file without their ends, those of nothing but white space left out. Holds one line at a time.
 * @throws G3Error `batch/long-line`
 */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>, mostBytes: number): AsyncIterable<Line> {
  let parts: Uint8Array[] = []
  let held = 0
  let from = 0
  let number = 0
  const add = (part: Uint8Array): void => {
    held += part.length
    if (held > mostBytes)
      throw new G3Error('batch/long-line', `line ${number + 1} has more than ${mostBytes} bytes: make it shorter`)
    parts.push(part)
  }
  const take = (): Line => {
    const line = { bytes: Buffer.concat(parts), from, number: ++number }
    from += held + 1
    parts = []
    held = 0
    return line
  }
  for await (const piece of pieces) {
    let start = 0
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      add(piece.subarray(start, end))
      start = end + 1
      const line = take()
      if (!isBlank(line.bytes)) yield line
    }
    if (start < piece.length) add(piece.slice(start))
  }
  const last = take()
  if (!isBlank(last.bytes)) yield last
}

const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 32 || byte === 9 || byte === 13)
