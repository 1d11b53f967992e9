import { check } from './errors.js'

/** Positions [start, end) of one image, which see each other both ways. Never cut. */
export interface Block {
  readonly start: number
  readonly end: number
}

export const NO_BLOCKS: readonly Block[] = []

/** @throws G3Error `kv-cache/block` unless the blocks are in order and whole within [from, to) */
export function checkBlocks(blocks: readonly Block[], from: number, to: number): void {
  let free = from
  for (const { start, end } of blocks) {
    const fits = Number.isInteger(start) && Number.isInteger(end) && free <= start && start < end && end <= to
    check(
      fits,
      'kv-cache/block',
      () => `image at positions ${start} to ${end} is not a whole part of this step (${free} to ${to})`,
    )
    free = end
  }
}

/** Whether a text can end at `length`, or begin again there, without cutting an image. */
export const isWhole = (blocks: readonly Block[], length: number): boolean =>
  blocks.every(({ start, end }) => length <= start || length >= end)
