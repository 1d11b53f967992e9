import { G3Error, type Buffer, type Program } from '@g3/backend'
import type { Sequence } from '@g3/kv-cache'

/** Rows whose logits are computed at a time: 1 MiB each with the real vocabulary. */
export const HEAD_ROWS = 8

/** One form of the head: a program, and where it puts what it makes of up to {@link HEAD_ROWS} rows of h. */
export interface Output {
  readonly program: Program
  readonly buffer: Buffer
}

/** What the head can give. */
export interface Outputs {
  /** [HEAD_ROWS, vocab] */
  readonly logits: Output
  /** [HEAD_ROWS, 2] the likeliest id and its logit */
  readonly picked: Output
  /** [HEAD_ROWS, 2 · rankable] ids from the likeliest down, then their logits */
  readonly ranked: Output
}

/** One of a model's places for sequences: a region of the caches, outputs of its own, and the state of who is in it. */
export interface Lane {
  readonly positions: Sequence
  readonly outputs: Outputs
  /** The open sequence that has this lane. */
  owner: object | undefined
  /** Set while an operation waits for the backend; until that is over, nobody else gets the lane or its outputs. */
  busy: boolean
  /** The last token. */
  lastId: number
  /** The row of h that belongs to the last token; −1 when there is none, as after a rewind. */
  lastRow: number
  /** Number of the pass that wrote this row. */
  lastPass: number
}

export const newLane = (positions: Sequence, outputs: Outputs): Lane => ({
  positions,
  outputs,
  owner: undefined,
  busy: false,
  lastId: 0,
  lastRow: -1,
  lastPass: 0,
})

export const isFree = ({ owner, busy }: Lane): boolean => owner === undefined && !busy

/** @throws G3Error `model/disposed`, `model/busy` */
export function checkIdle(lane: Lane, owner: object): void {
  checkOwner(lane, owner)
  if (lane.busy) throw new G3Error('model/busy', 'this sequence is at work; wait for that or abort it first')
}

/** @throws G3Error `model/disposed` */
export function checkOwner(lane: Lane, owner: object): void {
  if (lane.owner !== owner) throw new G3Error('model/disposed', 'this sequence was disposed; open another')
}

/** @throws G3Error `model/no-logits` */
export function checkHasLast({ lastRow }: Lane): void {
  if (lastRow >= 0) return
  throw new G3Error('model/no-logits', 'there are no logits here: append a token first, also after a rewind')
}

/** @throws G3Error `model/bad-id` */
export function checkId(id: number, vocab: number): void {
  if (!Number.isInteger(id) || id < 0 || id >= vocab) {
    throw new G3Error('model/bad-id', `${id} is no token id; this model has ids from 0 to ${vocab - 1}`)
  }
}

/** @throws G3Error `model/context-full` */
export function checkFits({ positions: { length, context, remaining } }: Lane, count: number): void {
  if (count <= remaining) return
  const message = `${count - remaining} of ${count} tokens do not fit: ${length} of ${context} positions are in use; shorten the text or load with a larger context`
  throw new G3Error('model/context-full', message)
}
