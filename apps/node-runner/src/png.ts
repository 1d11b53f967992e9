import { crc32, deflateSync } from 'node:zlib'

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
const RGB = 2
/** Filter type 2: each byte less the one above it. */
const UP = 2

/** A PNG of [height, width, 3] levels. */
export function encodePng(width: number, height: number, levels: Uint8Array): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, RGB], 8)
  const rowBytes = 3 * width
  const rows = new Uint8Array(height * (1 + rowBytes))
  for (let y = 0; y < height; y++) {
    const at = y * (1 + rowBytes)
    rows[at] = UP
    for (let i = 0; i < rowBytes; i++) {
      const from = y * rowBytes + i
      rows[at + 1 + i] = levels[from] - (y === 0 ? 0 : levels[from - rowBytes])
    }
  }
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND')])
}

function chunk(tag: string, body: Uint8Array = new Uint8Array()): Buffer {
  const bytes = Buffer.alloc(12 + body.length)
  bytes.writeUInt32BE(body.length, 0)
  bytes.write(tag, 4, 'latin1')
  bytes.set(body, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + body.length)), 8 + body.length)
  return bytes
}
