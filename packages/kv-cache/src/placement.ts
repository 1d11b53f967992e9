import { G3Error } from './errors.js'
import { checkSize } from './sizes.js'

/** Where the rows of one step live in one cache. The shape of `CacheView` in `@g3/backend`. */
export interface View {
  /** [rows] the slot that receives each row's key and value: page · PAGE + place in the page. */
  readonly slots: Int32Array
  /** [rows, 2] the positions from, to (exclusive) that each row sees. */
  readonly spans: Int32Array
  /** [rows] where in `pages` each row's page table begins; negative where the table's first pages are not listed. */
  readonly tables: Int32Array
  /** The page tables of the step's sequences, one after the other. */
  readonly pages: Int32Array
  /** Entries of `pages` that mean something. */
  entries: number
}

/** What must happen to a page before the step runs: it becomes a copy of page `from`, or zeros. */
export interface PageCopy {
  /** Number of the cache. */
  readonly cache: number
  readonly from: number | undefined
  readonly to: number
}

/**
 * Where the rows of one step go, in all caches. Sequences add their rows, one after the other; its arrays stay the
 * same from step to step, and what follows `rows` in them has no meaning.
 *
 * What a sequence says counts from its `append` on. So run the step before you rewind, shift, reset or drop what is in
 * it, and run steps in the order in which they were filled.
 */
export interface Placement {
  readonly rows: number
  /** [rows] absolute positions, each in its own sequence. */
  readonly positions: Int32Array
  /** One for each cache. */
  readonly views: readonly View[]
  /** To be made before the step, in this order; also if the step is given up, for sequences count on them. */
  readonly copies: readonly PageCopy[]
  /** Forgets all rows and copies: the next step. */
  begin(): void
}

/** A {@link Placement} as sequences see it. */
export interface OpenPlacement extends Placement {
  rows: number
  readonly copies: PageCopy[]
  /** The pool that made it. */
  readonly owner: object
  /** Steps begun. */
  steps: number
}

/** The step that has a sequence's latest rows. */
export interface LatestStep {
  into: OpenPlacement | undefined
  step: number
}

/**
 * A placement without rows.
 * @param tableEntries of each cache: most entries that the page tables of a step have together
 * @param maxRows rows of the largest step, of all its sequences together
 * @throws G3Error `kv-cache/size`
 */
export function placement(owner: object, tableEntries: readonly number[], maxRows: number): OpenPlacement {
  checkSize('rows', maxRows)
  for (const entries of tableEntries) checkSize('entries of page tables', entries)
  const self: OpenPlacement = {
    owner,
    steps: 0,
    rows: 0,
    positions: new Int32Array(maxRows),
    views: tableEntries.map((entries) => ({
      slots: new Int32Array(maxRows),
      spans: new Int32Array(2 * maxRows),
      tables: new Int32Array(maxRows),
      pages: new Int32Array(entries),
      entries: 0,
    })),
    copies: [],
    begin() {
      self.steps++
      self.rows = 0
      self.copies.length = 0
      // Indexed, since an iterator is an object, and this is done for each token.
      for (let c = 0; c < self.views.length; c++) self.views[c].entries = 0
    },
  }
  return self
}

/**
 * Checks that `count` rows of a sequence can join the step.
 * @param latest tells whether rows of it are there already: a second append could overwrite what they see, and a fork
 *   would copy pages before they are stored
 * @throws G3Error `kv-cache/placement`
 */
export function checkRoom(
  into: Placement,
  owner: object,
  latest: LatestStep,
  count: number,
): asserts into is OpenPlacement {
  if (!isOf(into, owner)) throw problem('another pool made it')
  const { rows, positions, steps } = into
  if (rows + count > positions.length) {
    throw problem(`${count} more rows do not fit: ${rows} of ${positions.length} are taken`)
  }
  if (latest.into === into && latest.step === steps) {
    throw problem('it has rows of this sequence, or of what it was forked from: begin the next step')
  }
}

const isOf = (into: Placement, owner: object): into is OpenPlacement => 'owner' in into && into.owner === owner

const problem = (message: string): G3Error =>
  new G3Error('kv-cache/placement', `this placement cannot take the rows: ${message}`)
