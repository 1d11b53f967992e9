import { check } from '@g3/backend'
import type { Gemma3Config } from '@g3/runtime'

/** What should follow one position of a text: tokens and how much each counts. */
export interface Wanted {
  /** The position whose logits are meant. */
  readonly position: number
  readonly ids: ArrayLike<number>
  readonly weights: ArrayLike<number>
}

/** An image's soft tokens in a text, whose ids there say nothing. */
export interface SoftTokens {
  /** Position of the first. */
  readonly at: number
  /** [tokens, width] */
  readonly values: Float32Array
}

/** A text to learn from. */
export interface Example {
  readonly ids: Int32Array
  readonly images?: readonly SoftTokens[]
  readonly wanted: readonly Wanted[]
}

/** Texts one after the other, as the rows of one step. */
export interface Rows {
  readonly count: number
  readonly ids: Int32Array
  readonly positions: Int32Array
  /** [rows, 2] */
  readonly spans: { readonly local: Float32Array; readonly global: Float32Array }
  readonly images: readonly { readonly row: number; readonly values: Float32Array }[]
  /** By rows of the step. */
  readonly wanted: readonly Wanted[]
}

/** How many of the examples, from `from` on, fill a step of `most` rows. @throws G3Error `distill/too-long` */
export function fitting(examples: readonly Example[], from: number, most: number): number {
  let rows = 0
  let count = 0
  while (from + count < examples.length) {
    const { length } = examples[from + count].ids
    check(
      length <= most,
      'distill/too-long',
      () => `an example has ${length} tokens, and a step holds ${most}: raise the rows, shorten it, or leave it out`,
    )
    if (rows + length > most) break
    rows += length
    count++
  }
  return count
}

/**
 * A row sees the rows of its text up to itself, in local layers those of the window, and those of its own image that are to come.
 */
export function rowsOf(examples: readonly Example[], { window, width }: Gemma3Config): Rows {
  const count = examples.reduce((sum, { ids }) => sum + ids.length, 0)
  const rows = {
    count,
    ids: new Int32Array(count),
    positions: new Int32Array(count),
    spans: { local: new Float32Array(2 * count), global: new Float32Array(2 * count) },
    images: [] as { row: number; values: Float32Array }[],
    wanted: [] as Wanted[],
  }
  let first = 0
  for (const { ids, images = [], wanted } of examples) {
    // What stands for an image is no id of a token.
    rows.ids.set(
      ids.map((id) => Math.max(0, id)),
      first,
    )
    for (let p = 0; p < ids.length; p++) {
      const row = first + p
      const image = images.find(({ at, values }) => p >= at && p < at + values.length / width)
      const end = first + (image ? image.at + image.values.length / width : p + 1)
      rows.positions[row] = p
      rows.spans.global.set([first, end], 2 * row)
      rows.spans.local.set([window === undefined ? first : Math.max(first, row - window + 1), end], 2 * row)
    }
    for (const { at, values } of images) rows.images.push({ row: first + at, values })
    for (const each of wanted) rows.wanted.push({ ...each, position: first + each.position })
    first += ids.length
  }
  return rows
}
