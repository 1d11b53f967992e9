import { check } from './errors.js'

/** Slots of a page: position p lies in page ⌊p / PAGE⌋ of its text, at p mod PAGE. */
export const PAGE = 128

/** Number of a position's page in its text. In integers throughout: a hot loop allocates no numbers. */
export const pageAt = (position: number): number => (position / PAGE) | 0

/** Pages that hold so many positions. */
export const pagesOf = (positions: number): number => pageAt(positions + PAGE - 1)

/** @throws G3Error `kv-cache/size` unless `value` is a whole number from `least` on */
export function checkSize(name: string, value: number, least = 1): void {
  const held = Number.isInteger(value) && value >= least && value < 2 ** 31
  check(held, 'kv-cache/size', () => `${name} is ${value}, it must be a whole number from ${least} to 2147483647`)
}
