import { PAGE, type Buffer, type CacheSpec, type CacheStore, type CacheView, type Step } from './contract.js'
import { DRAW_WORDS } from './draw.js'
import { G3Error } from './errors.js'
import { editSizes, type LogitEdits } from './logit-ops.js'

/** What the recorded ops ask of a step. `Infinity`: nothing asked. */
export interface StepNeeds {
  /** Rows that the smallest buffer holds. */
  rows: number
  /** Rows of the smallest embedding table. */
  ids: number
  positions: boolean
  draws: boolean
  /** Ids of the logits that are edited, and how many of a row may change. */
  edits: { readonly ids: number; readonly most: number } | undefined
  /** Rows of the smallest operand of `logits` and `top`. */
  logitsRows: number
  /** Rows that a step must have, where ops take them for an image; 0 where they don't. */
  exactRows: number
  /** Values of an image; 0 without one. */
  pixels: number
  /** Caches whose slots it names. */
  readonly caches: CacheStore[]
  /** Those of them that it attends to. */
  readonly reads: CacheStore[]
  hold(...buffers: Buffer[]): void
  use(cache: CacheStore, reads?: boolean): void
}

export function stepNeeds(): StepNeeds {
  const caches: CacheStore[] = []
  const reads: CacheStore[] = []
  return {
    rows: Infinity,
    ids: Infinity,
    positions: false,
    draws: false,
    edits: undefined,
    logitsRows: Infinity,
    exactRows: 0,
    pixels: 0,
    caches,
    reads,
    hold(...buffers) {
      for (const buffer of buffers) this.rows = Math.min(this.rows, buffer.rows)
    },
    use(cache, isRead = false) {
      if (!caches.includes(cache)) caches.push(cache)
      if (isRead && !reads.includes(cache)) reads.push(cache)
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
  if (needs.exactRows !== 0 && rows !== needs.exactRows) {
    throw bad(`${rows} rows, but the program is for an image of ${needs.exactRows}`)
  }
  if (needs.pixels !== 0 && step.pixels?.length !== needs.pixels) {
    throw bad(`${step.pixels?.length ?? 0} values as pixels, but the program's image has ${needs.pixels}`)
  }
  if (!Number.isInteger(from) || from < 0 || from + rows > needs.logitsRows) {
    throw bad(`logits of rows ${from} to ${from + rows}, but there are ${needs.logitsRows}`)
  }
  if (needs.ids !== Infinity) checkRange('ids', step.ids, rows, needs.ids)
  if (needs.positions) checkRange('positions', step.positions, rows, 2 ** 31)
  if (needs.draws && (step.draws?.length ?? 0) < DRAW_WORDS * rows) {
    throw bad(`${rows} rows need ${DRAW_WORDS} numbers of draws each`)
  }
  if (needs.edits !== undefined) checkEdits(step.edits, rows, needs.edits)
  for (const cache of needs.caches) {
    const view = step.views?.[cache.index]
    if (view === undefined) throw bad(`no view for cache ${cache.index} (${cache.spec.label})`)
    checkRange('slots', view.slots, rows, cache.spec.pages * PAGE)
    if (needs.reads.includes(cache)) checkTables(view, rows, cache.spec)
  }
}

function checkEdits(edits: LogitEdits | undefined, rows: number, { ids, most }: NonNullable<StepNeeds['edits']>): void {
  const sizes = editSizes(rows, ids, most)
  const isThere =
    edits !== undefined &&
    (edits.allowed?.length ?? Infinity) >= sizes.allowed &&
    edits.counts.length >= rows &&
    edits.ids.length >= sizes.ids &&
    edits.changes.length >= sizes.changes
  if (!isThere) throw bad(`edits of ${rows} rows need room for ${most} ids of a row, and a bit for each of ${ids}`)
  for (let r = 0; r < rows; r++) {
    const count = edits.counts[r]
    if (count < 0 || count > most) throw bad(`${count} edits of row ${r}, there is room for ${most}`)
    for (let n = r * most; n < r * most + count; n++) {
      if (edits.ids[n] < 0 || edits.ids[n] >= ids) throw bad(`an edit of id ${edits.ids[n]}, there are ${ids}`)
    }
  }
}

function checkRange(name: string, values: Int32Array | undefined, rows: number, end: number): void {
  if (values === undefined || values.length < rows) throw bad(`${rows} rows need as many ${name}`)
  for (let r = 0; r < rows; r++) {
    if (values[r] < 0 || values[r] >= end) throw bad(`${name}[${r}] is ${values[r]}, it must be from 0 to ${end - 1}`)
  }
}

/** Every row sees some positions, and the pages of all of them are listed. */
function checkTables({ spans, tables, pages, entries }: CacheView, rows: number, spec: CacheSpec): void {
  if (spans.length < 2 * rows || tables.length < rows) throw bad(`${rows} rows need as many spans and tables`)
  if (!(Number.isInteger(entries) && entries >= 0 && entries <= Math.min(pages.length, spec.tableEntries))) {
    throw bad(
      `page tables of ${entries} entries: ${pages.length} are there, and the cache was made for ${spec.tableEntries}`,
    )
  }
  checkRange('pages', pages, entries, spec.pages)
  for (let r = 0; r < rows; r++) {
    const from = spans[2 * r]
    const to = spans[2 * r + 1]
    if (from < 0 || from >= to) throw bad(`row ${r} sees no position, not even its own: its span is ${from}..${to}`)
    const first = tables[r] + Math.floor(from / PAGE)
    const last = tables[r] + Math.floor((to - 1) / PAGE)
    if (first < 0 || last >= entries)
      throw bad(`row ${r} sees positions ${from}..${to}, whose pages are not all listed`)
  }
}

const bad = (message: string): G3Error => new G3Error('backend/step', message)
