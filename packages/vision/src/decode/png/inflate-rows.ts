import { G3Error } from '@g3/backend'
import { Unzlib } from 'fflate'

/** Bytes handed to the inflater at a time. They grow to 1,032 times as many at most: 4 MiB. */
const STRIDE = 4 << 10

/** Takes the next `length` bytes out of a zlib stream; valid until the next call. */
export type TakeRow = (length: number) => Uint8Array

/**
 * Inflates a stream as far as it is asked for, so that one which claims to hold gigabytes never gets to them.
 * @throws G3Error `vision/truncated`, `vision/damaged` from the function returned
 */
export function inflateRows(parts: readonly Uint8Array[]): TakeRow {
  let ready: Uint8Array[] = []
  let readyBytes = 0
  const inflater = new Unzlib((bytes) => {
    ready.push(bytes)
    readyBytes += bytes.length
  })
  const input = slices(parts)
  const fill = (length: number): void => {
    while (readyBytes < length) {
      const next = input.next()
      if (next.done) throw new G3Error('vision/truncated', "the PNG's pixels end early; fetch the file again")
      try {
        inflater.push(next.value)
      } catch (cause) {
        throw new G3Error('vision/damaged', "the PNG's pixels cannot be inflated; save or fetch it again", { cause })
      }
    }
  }
  return (length) => {
    fill(length)
    if (ready[0].length < length) ready = [joined(ready, readyBytes)]
    const row = ready[0].subarray(0, length)
    ready[0] = ready[0].subarray(length)
    readyBytes -= length
    while (ready.length > 1 && ready[0].length === 0) ready.shift()
    return row
  }
}

function* slices(parts: readonly Uint8Array[]): Generator<Uint8Array, void> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += STRIDE) yield part.subarray(at, at + STRIDE)
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
