/**
 * Leaves only the logits of allowed tokens; the others become -Infinity.
 * @param logits [vocab], changed in place
 * @param mask bit id & 31 of word id >> 5; ids beyond it are not allowed
 */
export function applyMask(logits: Float32Array, mask: Uint32Array): void {
  const covered = Math.min(mask.length * 32, logits.length)
  for (let first = 0; first < covered; first += 32) {
    const word = mask[first >> 5]
    if (word === 0xffffffff) continue
    const end = Math.min(first + 32, covered)
    if (word === 0) logits.fill(-Infinity, first, end)
    else for (let id = first; id < end; id++) if (((word >>> (id & 31)) & 1) === 0) logits[id] = -Infinity
  }
  logits.fill(-Infinity, covered)
}
