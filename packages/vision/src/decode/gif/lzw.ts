import { G3Error } from '@g3/backend'

/** Codes are 12 bits at most. */
const MOST_CODES = 4096

/**
 * Undoes GIF's LZW and gives each index to `onIndex`, `count` of them.
 *
 * Source: GIF89a, appendix F.
 * @param blocks the data sub-blocks
 * @param minBits code size at the start, from the file
 * @throws G3Error `vision/truncated`, `vision/damaged`
 */
export function unpackLzw(
  blocks: Iterable<Uint8Array>,
  minBits: number,
  count: number,
  onIndex: (index: number) => void,
): void {
  const clear = 1 << minBits
  const end = clear + 1
  const before = new Uint16Array(MOST_CODES)
  const index = new Uint8Array(MOST_CODES)
  const length = new Uint16Array(MOST_CODES)
  const text = new Uint8Array(MOST_CODES)
  for (let code = 0; code < clear; code++) {
    index[code] = code
    length[code] = 1
  }
  let next = clear + 2
  let bits = minBits + 1
  let last = -1
  let left = count
  for (const code of codes(blocks, () => bits)) {
    if (code === clear) {
      next = clear + 2
      bits = minBits + 1
      last = -1
      continue
    }
    if (code === end) break
    // The code about to be made is the last text and its own first index.
    if (code > next || (code === next && last < 0)) throw damaged()
    if (last >= 0 && next < MOST_CODES) {
      before[next] = last
      length[next] = length[last] + 1
      index[next] = firstIndex(before, index, length, code === next ? last : code)
      next++
      if (next === 1 << bits && bits < 12) bits++
    }
    if (code >= next) throw damaged()
    const size = length[code]
    for (let i = size - 1, at = code; i >= 0; i--, at = before[at]) text[i] = index[at]
    for (let i = 0; i < size && left > 0; i++, left--) onIndex(text[i])
    if (left === 0) return
    last = code
  }
  throw new G3Error('vision/truncated', "the GIF's pixels end early; fetch the file again")
}

const damaged = (): G3Error =>
  new G3Error('vision/damaged', 'the GIF has a code before what it stands for; save or fetch it again')

function firstIndex(before: Uint16Array, index: Uint8Array, length: Uint16Array, code: number): number {
  let at = code
  for (let i = length[code]; i > 1; i--) at = before[at]
  return index[at]
}

/** Codes of a width that may change after each, low bits first. */
function* codes(blocks: Iterable<Uint8Array>, width: () => number): Generator<number, void> {
  let held = 0
  let heldBits = 0
  for (const block of blocks) {
    for (const byte of block) {
      held |= byte << heldBits
      heldBits += 8
      for (let bits = width(); heldBits >= bits; bits = width()) {
        yield held & ((1 << bits) - 1)
        held >>>= bits
        heldBits -= bits
      }
    }
  }
}
