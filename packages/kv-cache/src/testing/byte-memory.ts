import type { Pool } from '../pool.js'
import type { Sequence } from '../sequence.js'
import type { Block } from '../blocks.js'
import { PAGE } from '../sizes.js'
import type { PageForm } from '../snapshot/format.js'

/** Bytes of a slot. */
const SLOT = 4

/** The pages of some caches as a backend would keep them: every slot holds the number of the row stored there. */
export interface ByteMemory {
  readonly forms: readonly PageForm[]
  /** Appends rows to a text, in a step of their own. */
  append(text: Sequence, count: number, blocks?: readonly Block[]): void
  readPage(cache: number, page: number, into: Uint8Array): Promise<void>
  writePage(cache: number, page: number, bytes: Uint8Array): Promise<void>
  /** What the text's pages hold of its positions, cache by cache. */
  rowsOf(text: Sequence): number[][]
}

export function byteMemory(pool: Pool): ByteMemory {
  const caches = pool.usage().caches.map(({ pages }) => new Int32Array(pages * PAGE))
  const bytesOf = (cache: number, page: number): Uint8Array =>
    new Uint8Array(caches[cache].buffer, page * PAGE * SLOT, PAGE * SLOT)
  const step = pool.placement(pool.context, 1)
  let rows = 0
  return {
    forms: caches.map((_, cache) => ({ layout: `numbers ${cache}`, pageBytes: PAGE * SLOT })),
    append(text, count, blocks) {
      step.begin()
      text.append(step, count, blocks)
      for (const { cache, from, to } of step.copies) {
        if (from === undefined) bytesOf(cache, to).fill(0)
        else bytesOf(cache, to).set(bytesOf(cache, from))
      }
      for (let row = 0; row < count; row++) {
        rows++
        for (const [cache, { slots }] of step.views.entries()) caches[cache][slots[row]] = rows
      }
    },
    readPage: async (cache, page, into) => into.set(bytesOf(cache, page)),
    writePage: async (cache, page, bytes) => bytesOf(cache, page).set(bytes),
    rowsOf: (text) =>
      caches.map((held, cache) => {
        const { first } = text.state().caches[cache]
        const rows = text.pagesIn(cache).flatMap((page) => [...held.subarray(page * PAGE, (page + 1) * PAGE)])
        return rows.slice(0, text.length - first * PAGE)
      }),
  }
}
