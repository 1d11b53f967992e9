import { G3Error, type Buffer, type Program } from '@g3/backend'
import type { Sequence } from '@g3/kv-cache'
import { tokens, type Tokens } from './tokens.js'

/** Rows whose logits are computed at a time: 1 MiB each with the real vocabulary. */
export const HEAD_ROWS = 8

/** The end of the lanes that go through the head with lane `from`: those whose last rows follow its own, {@link HEAD_ROWS} at most. */
export function headEnd(lanes: readonly Lane[], from: number): number {
  let end = from + 1
  while (end < lanes.length && end - from < HEAD_ROWS && lanes[end].lastRow === lanes[end - 1].lastRow + 1) end++
  return end
}

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
  /** [HEAD_ROWS, 1] the id that the step's draw takes */
  readonly drawn: Output
  /** The same, of logits that are edited before; where the backend has ops of logits. */
  readonly edited: (() => Output) | undefined
  /** [HEAD_ROWS, 1] the logarithm of the sum of exp(logit), and `ranked` beside it; likewise. */
  readonly summed: (() => Output) | undefined
  /** [HEAD_ROWS, 2 · rankable] ids from the likeliest down, then their logits */
  readonly ranked: Output
}

/** One of a model's places for sequences: a text in the caches, outputs of its own, and the state of who is in it. */
export interface Lane {
  /** Where the keys and values of the text lie. */
  positions: Sequence
  /** Every token of the text, those that a shift has dropped included. */
  readonly tokens: Tokens
  /** Tokens that shifts have dropped, all of them after the first `kept`. */
  dropped: number
  kept: number
  readonly outputs: Outputs
  /** The open sequence that has this lane. */
  owner: object | undefined
  /** Set while an operation waits for the backend; until that is over, nobody else gets the lane or its outputs. */
  busy: boolean
  /** Ids that were asked for and have not come yet: at most two, see {@link TextSequence.follow}. */
  coming: number
  /** The id that was asked for last and may be followed: the form of the head that gives it, and the pass that it comes after. */
  asked: { readonly form: 'picked' | 'drawn'; readonly pass: number } | undefined
  /** Set when the text was lost with the hardware that it was in; until the owner starts another text. */
  isLost: boolean
  /** The row of h that belongs to the last token; −1 when there is none, as after a rewind. */
  lastRow: number
  /** Number of the pass that wrote this row. */
  lastPass: number
  /** Names the adapters that the model computes with now. */
  readonly adapters: { readonly name: string }
  /** Names the adapters that made the text's keys and values. */
  madeWith: string
}

/**
 * @param positions a sequence of no positions
 * @param adapters what the model computes with, as it changes
 */
export const newLane = (positions: Sequence, outputs: Outputs, adapters: { readonly name: string }): Lane => ({
  positions,
  adapters,
  madeWith: adapters.name,
  tokens: tokens(Math.min(positions.context, LEAST_TOKENS)),
  dropped: 0,
  kept: 0,
  outputs,
  owner: undefined,
  busy: false,
  coming: 0,
  asked: undefined,
  isLost: false,
  lastRow: -1,
  lastPass: NO_PASS,
})

/** Of no pass, not even of a model that has not run yet. */
const NO_PASS = -1

/** Tokens that a lane has room for at first. */
const LEAST_TOKENS = 1024

/** How many of the text's tokens lie in the first `length` positions or were dropped between them. */
export const tokensIn = ({ dropped, kept }: Lane, length: number): number => (length > kept ? length + dropped : length)

/** Goes back to `length` positions. @throws G3Error as {@link Sequence.rewind} */
export function rewindLane(lane: Lane, length: number): void {
  if (length === lane.positions.length) return
  lane.positions.rewind(length)
  lane.tokens.truncate(tokensIn(lane, length))
  if (length <= lane.kept) lane.dropped = 0
  lane.lastRow = -1
}

/** Puts another text into a lane, in place of its own. */
export function replaceText(lane: Lane, positions: Sequence, ids: Int32Array): void {
  lane.positions.drop()
  lane.positions = positions
  lane.tokens.set(ids)
  lane.dropped = 0
  lane.kept = 0
  // Its last token is in the caches: whoever asks for logits gets it run again.
  lane.asked = undefined
  lane.lastRow = positions.length > 0 ? 0 : -1
  lane.lastPass = NO_PASS
  lane.madeWith = lane.adapters.name
}

/** Puts the text of one lane into another. */
export function forkLane(from: Lane, to: Lane): void {
  replaceText(to, from.positions.fork(), from.tokens.view())
  to.dropped = from.dropped
  to.kept = from.kept
  to.lastRow = from.lastRow
  to.lastPass = from.lastPass
  to.madeWith = from.madeWith
}

export function resetLane(lane: Lane): void {
  lane.positions.reset()
  lane.tokens.truncate(0)
  lane.dropped = 0
  lane.asked = undefined
  lane.lastRow = -1
}

/** Whether nothing that the lane's owner has asked for is on its way. */
export const isAtRest = ({ busy, coming }: Lane): boolean => !busy && coming === 0

export const isFree = (lane: Lane): boolean => lane.owner === undefined && isAtRest(lane)

/** Empties a lane whose keys and values are gone. */
export function loseText(lane: Lane): void {
  lane.isLost ||= lane.busy || lane.tokens.length > 0
  resetLane(lane)
}

/** Of a lane whose text goes on: @throws G3Error `model/disposed`, `model/busy`, `backend/lost`, `model/other-adapters` */
export function checkIdle(lane: Lane, owner: object): void {
  checkAtRest(lane, owner)
  checkHeld(lane)
}

/** @throws G3Error `backend/lost`, `model/other-adapters` */
export function checkHeld(lane: Lane): void {
  if (lane.isLost) throw new G3Error('backend/lost', 'the text was lost with the GPU that held it; read it again')
  if (isForeign(lane)) {
    throw new G3Error(
      'model/other-adapters',
      'the text was read under other adapters than those in use: use them again, or read the text anew',
    )
  }
}

/** Whether the text's keys and values are not what the model would make of it now. */
export const isForeign = ({ tokens: { length }, madeWith, adapters: { name } }: Lane): boolean =>
  length > 0 && madeWith !== name

/** Of a lane that gets another text: @throws G3Error `model/disposed`, `model/busy` */
export function startText(lane: Lane, owner: object): void {
  checkAtRest(lane, owner)
  lane.isLost = false
}

function checkAtRest(lane: Lane, owner: object): void {
  checkOwner(lane, owner)
  if (lane.busy || lane.coming > 0)
    throw new G3Error('model/busy', 'this sequence is at work; wait for that or abort it first')
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
