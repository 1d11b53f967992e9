import { check, type Backend } from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import { checkFits, checkId, checkIdle, HEAD_ROWS, type Lane } from './lane.js'
import { checkRankable, finishLogits } from './logits.js'
import type { Passes } from './passes.js'
import type { TextSequence } from './text-sequence.js'

/** What the head can make of each of several rows. */
export type RowForm = 'picked' | 'drawn' | 'ranked' | 'logits'

export interface RowParts {
  readonly backend: Backend
  readonly config: Gemma3Config
  readonly maxRows: number
  readonly passes: Passes
}

/** @param sequence the owner of the lane, once it is made */
export function rowHeads(
  { backend, config, maxRows, passes }: RowParts,
  lane: Lane,
  sequence: () => TextSequence,
): Pick<TextSequence, 'mostRows' | 'rowColumns' | 'stepRows'> {
  const mostRows = Math.min(HEAD_ROWS, maxRows)
  const rowColumns = (form: RowForm): number => lane.outputs[form].buffer.cols

  return {
    mostRows,
    rowColumns,
    async stepRows(ids, form, into, draws) {
      checkIdle(lane, sequence())
      const { length } = ids
      check(
        length >= 1 && length <= mostRows,
        'model/bad-option',
        () => `${length} tokens; a step takes 1 to ${mostRows}`,
      )
      const { vocab } = config
      for (const id of ids) checkId(id, vocab)
      checkFits(lane, length)
      if (form === 'drawn' || form === 'ranked') checkRankable(config)
      const values = length * rowColumns(form)
      check(into.length >= values, 'model/bad-option', () => `${values} values do not fit into ${into.length}`)
      const output = lane.outputs[form]
      passes.read(lane, ids)
      passes.headOf(output, lane.lastRow - length + 1, length, draws)
      lane.asked = undefined
      lane.busy = true
      try {
        await backend.read(output.buffer, length, into.subarray(0, values))
      } finally {
        lane.busy = false
      }
      if (form === 'logits') {
        for (let row = 0; row < length; row++) finishLogits(into.subarray(row * vocab, (row + 1) * vocab), config)
      }
    },
  }
}
