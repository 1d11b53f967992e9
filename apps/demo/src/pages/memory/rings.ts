import { PAGE, pool, poolPages } from '@g3/kv-cache'
import { layerKinds, type Gemma3Config } from '@g3/runtime'

/** Part of a text's positions in the caches of one kind of layer. */
export type CellState = 'empty' | 'held' | 'seen' | 'given-up'

export interface Ring {
  readonly label: 'local' | 'global'
  readonly layers: number
  readonly window: number | undefined
  /** Of the text's positions in order, a cell for as many pages as {@link Rings.pagesOfCell}. */
  readonly cells: readonly CellState[]
  /** Pages in use, all of one layer kind. */
  readonly pages: number
}

export interface Rings {
  /** Pages of 128 positions that a cell stands for. */
  readonly pagesOfCell: number
  readonly rings: readonly Ring[]
}

/** Rows of a step, as models read prompts. */
const STEP = 512
const MOST_CELLS = 64

/**
 * Where the pages of a text are as tokens come, by the very pool that models have: what a local layer's window has left is given
 * up, page by page, and used again.
 * @returns the caches at a length of the text, which reads on from the length before where that was shorter
 * @throws G3Error as `pool`
 */
export function fillingRings(config: Gemma3Config, context: number): (length: number) => Rings {
  const kinds = layerKinds(config)
  const maxRows = Math.min(STEP, context)
  const texts = pool({
    context,
    maxRows,
    caches: kinds.map(({ window }) => ({
      window,
      pages: poolPages({ window, context, maxRows, sequences: 1, checkpoints: 0 }),
    })),
  })
  const step = texts.placement(maxRows, 1)
  const text = texts.sequence()
  const pages = Math.ceil(context / PAGE)
  const pagesOfCell = Math.ceil(pages / MOST_CELLS)

  return (length) => {
    const wanted = Math.min(length, context)
    if (wanted < text.length) text.reset()
    while (text.length < wanted) {
      step.begin()
      text.append(step, Math.min(maxRows, wanted - text.length))
    }
    const { caches } = text.state()
    const usage = texts.usage()
    return {
      pagesOfCell,
      rings: kinds.map(({ label, layers, window }, index): Ring => {
        const { first, count } = caches[index] ?? { first: 0, count: 0 }
        const end = first + count
        // The next token sees itself and those before it in the window.
        const seenFrom = window === undefined ? 0 : Math.max(0, text.length + 1 - window)
        const cells = Array.from({ length: Math.ceil(pages / pagesOfCell) }, (_, cell): CellState => {
          const [from, to] = [cell * pagesOfCell, Math.min(pages, (cell + 1) * pagesOfCell)]
          if (from >= Math.ceil(text.length / PAGE)) return 'empty'
          if (to <= first) return 'given-up'
          return Math.min(to, end) * PAGE > seenFrom && from < end ? 'seen' : 'held'
        })
        return { label, layers: layers.length, window, cells, pages: usage.caches[index]?.used ?? 0 }
      }),
    }
  }
}
