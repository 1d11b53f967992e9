import type { Buffer, CacheStore, Step } from './contract.js'
import { G3Error } from './errors.js'

/** What the recorded ops ask of a step. `Infinity`: nothing asked. */
export interface StepNeeds {
  /** Rows that the smallest buffer holds. */
  rows: number
  /** Rows of the smallest embedding table. */
  ids: number
  positions: boolean
  /** Rows of the smallest operand of `logits` and `top`. */
  logitsRows: number
  readonly caches: CacheStore[]
  hold(...buffers: Buffer[]): void
  use(cache: CacheStore): void
}

export function stepNeeds(): StepNeeds {
  const caches: CacheStore[] = []
  return {
    rows: Infinity,
    ids: Infinity,
    positions: false,
    logitsRows: Infinity,
    caches,
    hold(...buffers) {
      for (const buffer of buffers) this.rows = Math.min(this.rows, buffer.rows)
    },
    use(cache) {
      if (!caches.includes(cache)) caches.push(cache)
    },
  }
}

/**
 * Checks a step before anything is written. Allocates nothing.
 * @throws G3Error `backend/step`
 */
export function checkStep(step: Step, needs: StepNeeds): void {
  const { rows, from = 0 } = step
  if (!Number.isInteger(rows) || rows < 1 || rows > needs.rows) {
    throw bad(`${rows} rows, but the program's buffers hold 1 to ${needs.rows}`)
  }
  if (!Number.isInteger(from) || from < 0 || from + rows > needs.logitsRows) {
    throw bad(`logits of rows ${from} to ${from + rows}, but there are ${needs.logitsRows}`)
  }
  if (needs.ids !== Infinity) checkRange('ids', step.ids, rows, needs.ids)
  if (needs.positions) checkRange('positions', step.positions, rows, 2 ** 31)
  for (const cache of needs.caches) {
    const view = step.views?.[cache.index]
    if (view === undefined) throw bad(`no view for cache ${cache.index} (${cache.spec.label})`)
    checkRange('slots', view.slots, rows, cache.spec.slots)
    checkSpans(view.spans, rows, cache.spec.slots)
  }
}

function checkRange(name: string, values: Int32Array | undefined, rows: number, end: number): void {
  if (values === undefined || values.length < rows) throw bad(`${rows} rows need as many ${name}`)
  for (let r = 0; r < rows; r++) {
    if (values[r] < 0 || values[r] >= end) throw bad(`${name}[${r}] is ${values[r]}, it must be from 0 to ${end - 1}`)
  }
}

function checkSpans(spans: Int32Array, rows: number, slots: number): void {
  if (spans.length < 4 * rows) throw bad(`${rows} rows need ${4 * rows} span ends`)
  for (let at = 0; at < 4 * rows; at += 4) {
    const a0 = spans[at]
    const a1 = spans[at + 1]
    const b0 = spans[at + 2]
    const b1 = spans[at + 3]
    const inside = 0 <= a0 && a0 <= a1 && a1 <= slots && 0 <= b0 && b0 <= b1 && b1 <= slots
    const apart = a0 === a1 || b0 === b1 || a1 <= b0 || b1 <= a0
    if (!inside || !apart)
      throw bad(`spans ${a0}..${a1}, ${b0}..${b1} of row ${at / 4} are not two parts of ${slots} slots`)
    if (a0 === a1 && b0 === b1) throw bad(`row ${at / 4} sees no slot, not even its own`)
  }
}

const bad = (message: string): G3Error => new G3Error('backend/step', message)
