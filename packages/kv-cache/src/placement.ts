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
 */
export interface Placement {
  readonly rows: number
  /** [rows] absolute positions, each in its own sequence. */
  readonly positions: Int32Array
  /** One for each cache. */
  readonly views: readonly View[]
  /** In this order, before the step: also if the step is given up, for the sequences count on them. */
  readonly copies: readonly PageCopy[]
  /** Forgets all rows and copies: the next step. */
  begin(): void
}

/** A {@link Placement} as sequences see it. */
export interface OpenPlacement extends Placement {
  rows: number
  readonly copies: PageCopy[]
  /** Sequences with rows in it. */
  readonly members: Set<object>
}

/**
 * A placement without rows.
 * @param tableEntries of each cache: most entries that the page tables of a step have together
 * @param maxRows rows of the largest step, of all its sequences together
 * @throws G3Error `kv-cache/size`
 */
export function placement(tableEntries: readonly number[], maxRows: number): OpenPlacement {
  checkSize('maxRows', maxRows)
  const self: OpenPlacement = {
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
    members: new Set(),
    begin() {
      self.rows = 0
      self.copies.length = 0
      self.members.clear()
      for (const view of self.views) view.entries = 0
    },
  }
  return self
}

/**
 * Checks that `count` rows of a sequence can join the step.
 * @throws G3Error `kv-cache/placement`
 */
export function checkRoom(
  into: Placement,
  member: object,
  caches: number,
  count: number,
): asserts into is OpenPlacement {
  if (!('members' in into && into.members instanceof Set)) throw problem('it was not made by `pool.placement`')
  const { rows, positions, views, members } = into
  if (views.length !== caches) throw problem(`it is of ${views.length} caches, the sequence of ${caches}`)
  if (rows + count > positions.length)
    throw problem(`${count} more rows do not fit: ${rows} of ${positions.length} are taken`)
  if (members.has(member))
    throw problem('it has rows of this sequence: append all of them at once, or begin the next step')
}

const problem = (message: string): G3Error =>
  new G3Error('kv-cache/placement', `this placement cannot take the rows: ${message}`)
