import type { Block } from './blocks.js'
import { G3Error } from './errors.js'
import { seenFrom, type HeldPages } from './held-pages.js'
import type { OpenPlacement } from './placement.js'
import { PAGE, pageAt, pagesOf } from './sizes.js'

/** Checks that the page tables of the rows fit into the step. @throws G3Error `kv-cache/placement` */
export function checkTables({ views }: OpenPlacement, held: readonly HeldPages[], length: number, count: number): void {
  for (let c = 0; c < held.length; c++) {
    const { pages, entries } = views[c]
    const wanted = pagesOf(length + count) - pageAt(seenFrom(held[c], length))
    if (entries + wanted > pages.length) {
      throw new G3Error(
        'kv-cache/placement',
        `the step has room for page tables of ${pages.length} entries, not for ${wanted} more than ${entries}`,
      )
    }
  }
}

/** Adds the rows of the positions from `start` on. `blocks` are in order and within them. Allocates nothing. */
export function place(
  target: OpenPlacement,
  held: readonly HeldPages[],
  start: number,
  count: number,
  blocks: readonly Block[],
): void {
  const first = target.rows
  for (let position = start; position < start + count; position++) target.positions[target.rows++] = position
  for (let c = 0; c < held.length; c++) {
    const one = held[c]
    const { table } = one
    const view = target.views[c]
    const lowest = pageAt(seenFrom(one, start))
    const base = view.entries - lowest
    for (let entry = lowest; entry < pagesOf(start + count); entry++) view.pages[view.entries++] = table[entry]
    let next = 0
    for (let row = first; row < target.rows; row++) {
      const position = target.positions[row]
      while (next < blocks.length && blocks[next].end <= position) next++
      const inBlock = next < blocks.length && blocks[next].start <= position
      view.slots[row] = table[pageAt(position)] * PAGE + (position % PAGE)
      view.spans[2 * row] = seenFrom(one, position)
      view.spans[2 * row + 1] = inBlock ? blocks[next].end : position + 1
      view.tables[row] = base
    }
  }
}
