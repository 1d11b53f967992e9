import { checkedOps } from './checked.js'
import type { Buffer, Ops, Step, Weight } from './contract.js'
import { check } from './errors.js'
import { apart, heads, normShapes, number, productShapes, same, vector, within } from './shapes.js'
import { stepNeeds, type StepNeeds } from './step.js'
import type { VisionOps } from './vision-ops.js'

/** Sides of an image and of a grid, in pixels or patches. */
const MOST_SIDE = 1 << 14

/** As {@link CheckedOps}, with the ops of images. */
export interface CheckedVisionOps {
  readonly ops: Ops & VisionOps
  /** @throws G3Error `backend/step` */
  checkStep(step: Step): void
}

/**
 * The rules of {@link checkedOps} and those of the ops of images.
 * @param needs where what a step must bring is collected, for a caller who adds to it
 * @throws G3Error `backend/shape` from the op whose operands do not fit together
 */
export function checkedVisionOps(inner: Ops & VisionOps, needs = stepNeeds()): CheckedVisionOps {
  const { ops, checkStep } = checkedOps(inner, needs)
  return { ops: { ...ops, ...imageOps(inner, needs) }, checkStep }
}

function imageOps(inner: VisionOps, needs: StepNeeds): VisionOps {
  const wholeImage = (op: string, rows: number): void => {
    if (needs.exactRows !== 0) same(`${op}: rows of the program's images`, rows, needs.exactRows)
    needs.exactRows = rows
  }
  return {
    patches(args) {
      const { side, patch, out } = args
      within('patches: side', side, MOST_SIDE)
      within('patches: patch', patch, side)
      check(side % patch === 0, 'backend/shape', `patches: a side of ${side} is no whole patches of ${patch}`)
      same(`patches: rows of ${out.label} and patches`, out.rows, (side / patch) ** 2)
      same(`patches: columns of ${out.label} and values of a patch`, out.cols, 3 * patch * patch)
      if (needs.pixels !== 0) same("patches: values of the program's images", 3 * side * side, needs.pixels)
      needs.pixels = 3 * side * side
      wholeImage('patches', out.rows)
      needs.hold(out)
      inner.patches(args)
    },
    layerNorm(args) {
      const { x, weight, bias, eps, out } = args
      normShapes('layerNorm', x, weight, out, eps)
      vector('layerNorm: bias', bias, x.cols)
      needs.hold(x, out)
      inner.layerNorm(args)
    },
    linear(args) {
      linearShapes('linear', args)
      needs.hold(args.x, args.out)
      inner.linear(args)
    },
    addLinear(args) {
      linearShapes('addLinear', args)
      needs.hold(args.x, args.out)
      inner.addLinear(args)
    },
    attendAll(args) {
      const { q, k, v, headDim, scale, out } = args
      heads('attendAll', q, headDim)
      for (const other of [k, v, out]) same(`attendAll: columns of q and ${other.label}`, q.cols, other.cols)
      apart('attendAll', out, q, k, v)
      number('attendAll: scale', scale)
      needs.hold(q, k, v, out)
      inner.attendAll(args)
    },
    pool(args) {
      const { x, columns, size, out } = args
      within('pool: columns', columns, MOST_SIDE)
      within('pool: size', size, columns)
      const whole = columns % size === 0 && x.rows % (columns * size) === 0
      check(whole, 'backend/shape', `pool: ${x.rows} rows in ${columns} columns are no whole squares of ${size}`)
      const squares = x.rows / size ** 2
      check(out.rows >= squares, 'backend/shape', `pool: ${out.label} has ${out.rows} rows for ${squares} squares`)
      same('pool: columns', x.cols, out.cols)
      apart('pool', out, x)
      wholeImage('pool', x.rows)
      needs.hold(x)
      inner.pool(args)
    },
  }
}

interface Linear {
  readonly x: Buffer
  readonly weight: Weight
  readonly bias: Weight
  readonly out: Buffer
}

function linearShapes(op: string, { x, weight, bias, out }: Linear): void {
  productShapes(op, x, { weight, out })
  vector(`${op}: bias`, bias, weight.rows)
}
