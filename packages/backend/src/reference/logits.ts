import { editLogits, type LogitOps } from '../logit-ops.js'
import type { Call } from './call.js'
import type { Matrix } from './matrix.js'
import type { Memory } from './memory.js'
import { rankRow } from './top.js'

/** The ops of logits, as the others: each resolves its handles once and appends the call that a step makes. */
export function logitRecorder({ matrix }: Memory, calls: Call[]): LogitOps {
  return {
    edit({ logits, most }) {
      const target = matrix(logits)
      calls.push(({ rows, edits }) => {
        if (edits) for (let r = 0; r < rows; r++) editLogits(rowOf(target, r), edits, r, most)
      })
    },
    rank({ logits, limit, count, out }) {
      const [source, target] = [matrix(logits), matrix(out)]
      calls.push(({ rows }) => {
        for (let r = 0; r < rows; r++) rankRow(rowOf(source, r).subarray(0, limit), count, rowOf(target, r))
      })
    },
    logSum({ logits, limit, out }) {
      const [source, target] = [matrix(logits), matrix(out)]
      calls.push(({ rows }) => {
        for (let r = 0; r < rows; r++) target.values[r] = logSum(rowOf(source, r).subarray(0, limit))
      })
    },
  }
}

const rowOf = ({ values, cols }: Matrix, row: number): Float32Array => values.subarray(row * cols, (row + 1) * cols)

function logSum(logits: Float32Array): number {
  const largest = logits.reduce((most, value) => (value > most ? value : most), -Infinity)
  if (largest === -Infinity) return -Infinity
  return largest + Math.log(logits.reduce((sum, value) => sum + (Math.exp(value - largest) || 0), 0))
}
