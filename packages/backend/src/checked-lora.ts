import type { LoraOps } from './lora-ops.js'
import { apart, number, productShapes, same } from './shapes.js'
import type { StepNeeds } from './step.js'

/**
 * The rules of the ops of adapters.
 * @param needs where what a step must bring is collected, by {@link checkedOps} too
 * @throws G3Error `backend/shape` from the op whose operands do not fit together
 */
export function checkedLoraOps(inner: LoraOps, needs: StepNeeds): LoraOps {
  return {
    addProject(args) {
      productShapes('addProject', args.x, args)
      number('addProject: scale', args.scale)
      needs.hold(args.x, args.out)
      inner.addProject(args)
    },
    gate(args) {
      const { up, out } = args
      apart('gate', out, up)
      same('gate: columns', up.cols, out.cols)
      needs.hold(up, out)
      inner.gate(args)
    },
  }
}
