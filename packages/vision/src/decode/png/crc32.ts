const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1
  return value
})

/** The check sum of PNG's chunks. */
export function crc32(bytes: Uint8Array): number {
  let sum = 0xffff_ffff
  for (let i = 0; i < bytes.length; i++) sum = (sum >>> 8) ^ TABLE[(sum ^ bytes[i]) & 0xff]
  return (sum ^ 0xffff_ffff) >>> 0
}
