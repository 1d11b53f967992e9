import { crc32, deflateSync } from 'node:zlib'

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)

/** A PNG chunk with its check sum. */
export function chunk(tag: string, body: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = Buffer.alloc(12 + body.length)
  bytes.writeUInt32BE(body.length, 0)
  bytes.write(tag, 4, 'latin1')
  bytes.set(body, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + body.length)), 8 + body.length)
  return bytes
}

export function header(width: number, height: number, [depth, color, ...rest]: readonly number[] = [8, 2]): Uint8Array {
  const body = Buffer.alloc(13)
  body.writeUInt32BE(width, 0)
  body.writeUInt32BE(height, 4)
  body.set([depth, color, ...rest], 8)
  return chunk('IHDR', body)
}

/** A PNG of whole chunks, its end added. */
export const pngOf = (...chunks: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([SIGNATURE, ...chunks, chunk('IEND')])

/** The pixels of an RGB PNG in one colour. */
export const pixels = (width: number, height: number, level = 0): Uint8Array =>
  chunk('IDAT', deflateSync(Buffer.concat(Array.from({ length: height }, () => row(width, level)))))

const row = (width: number, level: number): Uint8Array => {
  const bytes = new Uint8Array(1 + 3 * width).fill(level)
  bytes[0] = 0
  return bytes
}
