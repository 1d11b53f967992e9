/** Positions [start, end) of one image, which see each other both ways. Never cut. */
export interface Block {
  readonly start: number
  readonly end: number
}

export const NO_BLOCKS: readonly Block[] = []

/** Whether the blocks are in order and whole within [from, to). */
export function areWhole(blocks: readonly Block[], from: number, to: number): boolean {
  let free = from
  for (const { start, end } of blocks) {
    if (!(Number.isInteger(start) && Number.isInteger(end) && free <= start && start < end && end <= to)) return false
    free = end
  }
  return true
}

/** Whether a text can end at `length`, or begin again there, without cutting an image. */
export const isWhole = (blocks: readonly Block[], length: number): boolean =>
  blocks.every(({ start, end }) => length <= start || length >= end)
