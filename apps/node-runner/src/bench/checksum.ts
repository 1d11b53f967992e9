/** FNV-1a over ids as 32-bit numbers, in hexadecimal: equal texts of tokens have equal ones. */
export function checksum(ids: readonly number[]): string {
  let hash = 0x811c9dc5
  for (const id of ids) {
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((id >>> shift) & 255), 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, '0')
}
