import type { Buffer } from './contract.js'
import { check } from './errors.js'
import { apart, heads, number, same, vector } from './shapes.js'
import type { StepNeeds } from './step.js'
import type { AttendedRows, TrainOps } from './train-ops.js'

/**
 * The rules of the ops of learning.
 * @param needs where what a step must bring is collected
 * @throws G3Error `backend/shape` from the op whose operands do not fit together
 */
export function checkedTrainOps(inner: TrainOps, needs: StepNeeds): TrainOps {
  const alike = (op: string, ...buffers: readonly Buffer[]): void => {
    for (const { label, cols } of buffers.slice(1))
      same(`${op}: columns of ${buffers[0].label} and ${label}`, buffers[0].cols, cols)
    needs.hold(...buffers)
  }
  const matrix = (op: string, x: Buffer, held: Buffer, y: Buffer): void => {
    same(`${op}: columns of ${x.label} and ${held.label}`, x.cols, held.cols)
    same(`${op}: columns of ${y.label} and rows of ${held.label}`, y.cols, held.rows)
    needs.hold(x, y)
  }
  const attended = (op: string, { q, k, v, spans, headDim, scale, sums, out }: AttendedRows): void => {
    heads(op, q, headDim)
    heads(op, k, headDim)
    same(`${op}: columns of k and v`, k.cols, v.cols)
    same(`${op}: columns of q and ${out.label}`, q.cols, out.cols)
    same(`${op}: columns of spans`, spans.cols, 2)
    same(`${op}: heads and columns of sums`, q.cols / headDim, sums.cols)
    const isGrouped = q.cols % k.cols === 0
    check(
      isGrouped,
      'backend/shape',
      () => `${op}: ${q.cols / headDim} heads are no multiple of ${k.cols / headDim} key heads`,
    )
    apart(op, out, q, k, v)
    number(`${op}: scale`, scale)
    needs.hold(q, k, v, spans, sums, out)
  }
  return {
    copy(args) {
      apart('copy', args.out, args.x)
      alike('copy', args.x, args.out)
      inner.copy(args)
    },
    times(args) {
      matrix('times', args.x, args.matrix, args.out)
      apart('times', args.out, args.x)
      number('times: scale', args.scale)
      inner.times(args)
    },
    timesBack(args) {
      matrix('timesBack', args.out, args.matrix, args.y)
      apart('timesBack', args.out, args.y)
      number('timesBack: scale', args.scale)
      inner.timesBack(args)
    },
    addOuter(args) {
      matrix('addOuter', args.x, args.out, args.y)
      apart('addOuter', args.out, args.x, args.y)
      number('addOuter: scale', args.scale)
      inner.addOuter(args)
    },
    projectBack(args) {
      const { y, weight, out } = args
      apart('projectBack', out, y)
      same(`projectBack: columns of ${y.label} and rows of ${weight.name}`, y.cols, weight.rows)
      same(`projectBack: columns of ${out.label} and ${weight.name}`, out.cols, weight.cols)
      needs.hold(y, out)
      inner.projectBack(args)
    },
    normBack(args) {
      const { x, weight, eps, grad, out } = args
      vector('normBack: weight', weight, x.cols)
      number('normBack: eps', eps)
      apart('normBack', out, x, grad)
      alike('normBack', x, grad, out)
      inner.normBack(args)
    },
    normRopeBack(args) {
      const { x, weight, headDim, eps, grad } = args
      heads('normRopeBack', x, headDim)
      vector('normRopeBack: weight', weight, headDim)
      number('normRopeBack: eps', eps)
      apart('normRopeBack', grad, x)
      alike('normRopeBack', x, grad)
      needs.positions = true
      inner.normRopeBack(args)
    },
    gateBack(args) {
      const { gate, up, grad, gateGrad, upGrad } = args
      apart('gateBack', gateGrad, gate, up, grad, upGrad)
      apart('gateBack', upGrad, gate, up, grad)
      alike('gateBack', gate, up, grad, gateGrad, upGrad)
      inner.gateBack(args)
    },
    attendRows(args) {
      attended('attendRows', args)
      inner.attendRows(args)
    },
    attendRowsBack(args) {
      const { q, k, v, sums, shares, out, grad, qGrad, kGrad, vGrad } = args
      attended('attendRowsBack', args)
      alike('attendRowsBack', q, grad, qGrad)
      alike('attendRowsBack', k, kGrad, vGrad)
      alike('attendRowsBack', sums, shares)
      for (const result of [qGrad, kGrad, vGrad]) apart('attendRowsBack', result, q, k, v, out, grad)
      check(kGrad !== vGrad, 'backend/shape', 'attendRowsBack: the gradients of k and v cannot be one buffer')
      inner.attendRowsBack(args)
    },
    crossEntropy(args) {
      const { logits, targets, other, losses } = args
      const isList = targets.cols % 2 === 1
      check(
        isList,
        'backend/shape',
        () => `crossEntropy: ${targets.cols} columns of targets; a weight, then ids and as many weights`,
      )
      same('crossEntropy: columns of losses', losses.cols, 2)
      if (other) {
        apart('crossEntropy', logits, other)
        alike('crossEntropy', logits, other)
      }
      needs.hold(logits, targets, losses)
      inner.crossEntropy(args)
    },
  }
}
