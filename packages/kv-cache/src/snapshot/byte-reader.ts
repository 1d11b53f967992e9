import { G3Error } from '../errors.js'

/** Reads a stream in pieces of one's own choice. Holds one of the stream's chunks at a time. */
export interface ByteReader {
  /** Fills all of `into`. @throws G3Error `kv-cache/snapshot-truncated` when the stream ends before */
  fill(into: Uint8Array): Promise<void>
  /** Whether no byte is left. */
  isAtEnd(): Promise<boolean>
  /** Ends the stream, wherever it is. */
  close(): Promise<void>
}

export function byteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = source[Symbol.asyncIterator]()
  let chunk: Uint8Array = new Uint8Array(0)
  let total = 0

  /** Makes sure that `chunk` holds a byte. Returns false at the end. */
  const more = async (): Promise<boolean> => {
    while (chunk.length === 0) {
      const next = await chunks.next()
      if (next.done) return false
      chunk = next.value
      total += chunk.length
    }
    return true
  }

  return {
    async fill(into) {
      let at = 0
      while (at < into.length) {
        if (!(await more())) {
          const message = `the snapshot ends after ${total} bytes, at least ${into.length - at} are missing`
          throw new G3Error('kv-cache/snapshot-truncated', message)
        }
        const count = Math.min(chunk.length, into.length - at)
        into.set(chunk.subarray(0, count), at)
        chunk = chunk.subarray(count)
        at += count
      }
    },
    isAtEnd: async () => !(await more()),
    async close() {
      await chunks.return?.()
    },
  }
}
