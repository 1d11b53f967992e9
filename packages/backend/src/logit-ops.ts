import type { Backend, Buffer, Ops, Program } from './contract.js'

/**
 * What becomes of logits before a token is drawn. For a backend whose logits are far from who samples: elsewhere they are
 * read and changed, see {@link editLogits}.
 */
export interface LogitOps {
  /** Changes logits [rows, ids] in place as the step's `edits` say, for at most `most` ids of a row. */
  edit(args: { logits: Buffer; most: number }): void
  /** As {@link Ops.top}, of logits that are there. */
  rank(args: { logits: Buffer; limit: number; count: number; out: Buffer }): void
  /** out[r] = ln Σ exp(logits[r, i]) over i < limit; −Infinity and NaN add nothing. out [rows, 1] */
  logSum(args: { logits: Buffer; limit: number; out: Buffer }): void
}

/** A backend that has {@link LogitOps}, which its `caps` say. */
export interface LogitBackend extends Backend {
  record(label: string, build: (ops: Ops & LogitOps) => void): Program
}

export const hasLogitOps = (backend: Backend): backend is LogitBackend => backend.caps.logitOps

/** Changes of the logits of a step's rows. */
export interface LogitEdits {
  /** [rows, ⌈ids / 32⌉] whether an id may come: bit id & 31 of word ⌊id / 32⌋. Absent: all may. */
  readonly allowed?: Uint32Array
  /** [rows] how many ids change. */
  readonly counts: Int32Array
  /** [rows, most] the ids, none twice in a row. */
  readonly ids: Int32Array
  /**
   * [rows, most, 4] for each id what is added to its logit first, what that is multiplied by if it is above 0, and if not,
   * and what is added then. Rounded to f32 after each, so that all backends agree.
   */
  readonly changes: Float32Array
}

/** Numbers of a change. */
export const CHANGE = 4

/**
 * Changes one row's logits, in place.
 * @param row which row of `edits` it is
 * @param most ids that a row of `edits` has room for
 */
export function editLogits(
  logits: Float32Array,
  { allowed, counts, ids, changes }: LogitEdits,
  row: number,
  most: number,
): void {
  for (let n = row * most; n < row * most + counts[row]; n++) {
    const value = Math.fround(logits[ids[n]] + changes[CHANGE * n])
    const factor = changes[CHANGE * n + (value > 0 ? 1 : 2)]
    logits[ids[n]] = Math.fround(value * factor) + changes[CHANGE * n + 3]
  }
  if (allowed === undefined) return
  const words = Math.ceil(logits.length / 32)
  for (let word = 0; word < words; word++) {
    const may = allowed[row * words + word]
    const start = 32 * word
    if (may === 0) logits.fill(-Infinity, start, start + 32)
    else if (may !== ALL) {
      const end = Math.min(start + 32, logits.length)
      for (let id = start; id < end; id++) if (((may >>> (id - start)) & 1) === 0) logits[id] = -Infinity
    }
  }
}

/** A word of ids that may all come. */
const ALL = 2 ** 32 - 1

/** Numbers of each array, for rows of so many logits, of which `most` may change. */
export const editSizes = (rows: number, ids: number, most: number) => ({
  allowed: rows * Math.ceil(ids / 32),
  ids: rows * most,
  changes: CHANGE * rows * most,
})
