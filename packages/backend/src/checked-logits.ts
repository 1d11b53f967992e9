import { MOST_RANKED } from './contract.js'
import type { LogitOps } from './logit-ops.js'
import { apart, same, within } from './shapes.js'
import type { StepNeeds } from './step.js'

/** Most ids that {@link LogitOps.edit} changes in a row. */
const MOST_EDITS = 1 << 16

/**
 * The rules of the ops of logits.
 * @param needs where what a step must bring is collected, by {@link checkedOps} too
 * @throws G3Error `backend/shape` from the op whose operands do not fit together
 */
export function checkedLogitOps(inner: LogitOps, needs: StepNeeds): LogitOps {
  return {
    edit(args) {
      const { logits, most } = args
      within('edit: most', most, MOST_EDITS)
      needs.hold(logits)
      needs.edits = { ids: logits.cols, most }
      inner.edit(args)
    },
    rank(args) {
      const { logits, limit, count, out } = args
      apart('rank', out, logits)
      within('rank: limit', limit, logits.cols)
      within('rank: count', count, Math.min(limit, MOST_RANKED))
      same(`rank: columns of ${out.label} and twice the count`, out.cols, 2 * count)
      needs.hold(logits, out)
      inner.rank(args)
    },
    logSum(args) {
      const { logits, limit, out } = args
      apart('logSum', out, logits)
      within('logSum: limit', limit, logits.cols)
      same('logSum: columns of out', out.cols, 1)
      needs.hold(logits, out)
      inner.logSum(args)
    },
  }
}
