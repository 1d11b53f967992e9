import type { ByteView } from '../byte-view.js'

export interface Chunk {
  readonly tag: string
  readonly body: ByteView
  /** Tag, length, body, and the byte that makes it even. */
  readonly whole: Uint8Array
}

/**
 * The chunks of a RIFF file or of a chunk's body, from `at` on.
 * @throws G3Error `vision/truncated`
 */
export function readChunks(file: ByteView, at: number): Chunk[] {
  const chunks: Chunk[] = []
  while (at + 8 <= file.bytes.length) {
    const length = file.u32(at + 4, true)
    const end = at + 8 + length + (length & 1)
    chunks.push({ tag: file.tag(at), body: file.part(at + 8, length), whole: file.bytes.subarray(at, end) })
    at = end
  }
  return chunks
}

/** A WebP of one frame: its pixels, and its alpha where that is apart. */
export function stillWebp(width: number, height: number, pixels: Chunk, alpha: Chunk | undefined): Uint8Array {
  // Without a header of its own the alpha chunk would not be looked at.
  const header = alpha ? extendedHeader(width, height) : new Uint8Array()
  const parts = [header, alpha?.whole ?? new Uint8Array(), pixels.whole]
  const file = new Uint8Array(12 + parts.reduce((sum, { length }) => sum + length, 0))
  file.set(ascii('RIFF????WEBP'))
  new DataView(file.buffer).setUint32(4, file.length - 8, true)
  let at = 12
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file
}

const ALPHA = 0x10

function extendedHeader(width: number, height: number): Uint8Array {
  const header = new Uint8Array(18)
  const view = new DataView(header.buffer)
  header.set(ascii('VP8X'))
  view.setUint32(4, 10, true)
  view.setUint8(8, ALPHA)
  // 24 bits each; a frame's sides have 14.
  view.setUint16(12, width - 1, true)
  view.setUint16(15, height - 1, true)
  return header
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0))
