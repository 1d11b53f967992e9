import { check } from './errors.js'

/** Slots of a page: position p lies in page ⌊p / PAGE⌋ of its text, at p mod PAGE. */
export const PAGE = 128

/** Pages that hold so many positions. */
export const pagesOf = (positions: number): number => Math.ceil(positions / PAGE)

/** @throws G3Error `kv-cache/size` */
export function checkSize(name: string, value: number): void {
  const held = Number.isInteger(value) && value > 0 && value < 2 ** 31
  check(held, 'kv-cache/size', () => `${name} is ${value}, it must be a whole number from 1 to 2147483647`)
}
