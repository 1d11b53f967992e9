import type { Sink } from '../sink.js'

/** A sink in memory that holds so many bytes at most. */
export function memorySink(room = Infinity, full = new Error('full')): Sink & { bytes(): Uint8Array } {
  let data = new Uint8Array(0)
  return {
    get size() {
      return data.length
    },
    bytes: () => data,
    read(at, into) {
      const part = data.subarray(at, at + into.length)
      into.set(part)
      return part.length
    },
    write(at, bytes) {
      if (at + bytes.length > room) throw full
      const grown = new Uint8Array(Math.max(data.length, at + bytes.length))
      grown.set(data)
      grown.set(bytes, at)
      data = grown
    },
    truncate: (size) => void (data = data.slice(0, size)),
    flush() {},
  }
}
