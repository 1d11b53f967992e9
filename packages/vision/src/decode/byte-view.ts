import { check } from '@g3/backend'

/** A DataView that answers reads past its end with `vision/truncated`. Offsets are the caller's. */
export interface ByteView {
  readonly bytes: Uint8Array
  u8(at: number): number
  u16(at: number, littleEndian?: boolean): number
  u24(at: number): number
  u32(at: number, littleEndian?: boolean): number
  /** Four characters. */
  tag(at: number): string
  /** A view on `length` bytes. */
  part(at: number, length: number): ByteView
}

/** `u24` is little-endian, as only WebP has it; the others are big-endian unless told. */
export function byteView(bytes: Uint8Array): ByteView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const need = (at: number, length: number): number => {
    check(at + length <= bytes.length, 'vision/truncated', 'the file ends early; fetch it again')
    return at
  }
  return {
    bytes,
    u8: (at) => view.getUint8(need(at, 1)),
    u16: (at, littleEndian) => view.getUint16(need(at, 2), littleEndian),
    u24: (at) => view.getUint16(need(at, 3), true) | (view.getUint8(at + 2) << 16),
    u32: (at, littleEndian) => view.getUint32(need(at, 4), littleEndian),
    tag: (at) => String.fromCharCode(...bytes.subarray(need(at, 4), at + 4)),
    part: (at, length) => byteView(bytes.subarray(need(at, length), at + length)),
  }
}
