import { ropeFrequencies } from '../../rope.js'
import type { AttendedRows, TrainOps } from '../../train-ops.js'
import type { Call } from '../call.js'
import type { Memory } from '../memory.js'
import { attendRows, attendRowsBack, type Rows } from './attend-rows.js'
import { crossEntropy } from './cross-entropy.js'
import { gateBack } from './gate-back.js'
import { normBack, normRopeBack } from './norm-back.js'
import { addOuter, times, timesBack } from './products.js'

/** The ops of learning, as the others: each resolves its handles once and appends the call that a step makes. */
export function trainRecorder({ matrix }: Memory, calls: Call[]): TrainOps {
  const rowsOf = ({ q, k, v, spans, headDim, scale, sums, out }: AttendedRows): Rows => {
    const [queries, keys, values, seen] = [matrix(q), matrix(k), matrix(v), matrix(spans)]
    return { q: queries, k: keys, v: values, spans: seen, headDim, scale, sums: matrix(sums), out: matrix(out) }
  }
  return {
    copy({ x, out }) {
      const [source, target] = [matrix(x), matrix(out)]
      calls.push(({ rows }) => target.values.set(source.values.subarray(0, rows * source.cols)))
    },
    times({ x, matrix: held, scale, add = false, out }) {
      const [source, factors, target] = [matrix(x), matrix(held), matrix(out)]
      calls.push(({ rows }) => times(rows, source, factors, scale, add, target))
    },
    timesBack({ y, matrix: held, scale, add = false, out }) {
      const [source, factors, target] = [matrix(y), matrix(held), matrix(out)]
      calls.push(({ rows }) => timesBack(rows, source, factors, scale, add, target))
    },
    addOuter({ y, x, scale, out }) {
      const [left, right, target] = [matrix(y), matrix(x), matrix(out)]
      calls.push(({ rows }) => addOuter(rows, left, right, scale, target))
    },
    projectBack({ y, weight, add = false, out }) {
      const [source, factors, target] = [matrix(y), matrix(weight), matrix(out)]
      calls.push(({ rows }) => timesBack(rows, source, factors, 1, add, target))
    },
    normBack({ x, weight, eps, grad, add = false, out }) {
      const [source, factors, slope, target] = [matrix(x), matrix(weight), matrix(grad), matrix(out)]
      calls.push(({ rows }) => normBack(rows, source, factors, eps, slope, add, target))
    },
    normRopeBack({ x, weight, headDim, eps, rope, grad }) {
      const [source, factors, target] = [matrix(x), matrix(weight), matrix(grad)]
      const frequencies = ropeFrequencies(headDim, rope.base, rope.scaling)
      calls.push(({ rows, positions = NONE }) =>
        normRopeBack(rows, positions, source, factors, eps, frequencies, target),
      )
    },
    gateBack({ gate, up, grad, gateGrad, upGrad }) {
      const [gates, ups, slope] = [matrix(gate), matrix(up), matrix(grad)]
      const [gateTarget, upTarget] = [matrix(gateGrad), matrix(upGrad)]
      calls.push(({ rows }) => gateBack(rows, gates, ups, slope, gateTarget, upTarget))
    },
    attendRows(args) {
      const parts = rowsOf(args)
      calls.push(({ rows }) => attendRows(rows, parts))
    },
    attendRowsBack({ grad, qGrad, kGrad, vGrad, ...args }) {
      const grads = { grad: matrix(grad), qGrad: matrix(qGrad), kGrad: matrix(kGrad), vGrad: matrix(vGrad) }
      const parts = { ...rowsOf(args), ...grads }
      calls.push(({ rows }) => attendRowsBack(rows, parts))
    },
    crossEntropy({ logits, targets, other, losses }) {
      const [values, wanted, target] = [matrix(logits), matrix(targets), matrix(losses)]
      const base = other && matrix(other)
      calls.push(({ rows }) => crossEntropy(rows, values, wanted, base, target))
    },
  }
}

/** Stands for the positions that `checkStep` has already required. */
const NONE = new Int32Array(0)
