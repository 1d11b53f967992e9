import type { VisionOps } from '../vision-ops.js'
import { attendAll } from './attend-all.js'
import type { Call } from './call.js'
import { addLinear, linear } from './linear.js'
import { layerNorm } from './layer-norm.js'
import type { Memory } from './memory.js'
import { patches } from './patches.js'
import { pool } from './pool.js'

/** The ops of images, as the others: each resolves its handles once and appends the call that a step makes. */
export function visionRecorder({ matrix }: Memory, calls: Call[]): VisionOps {
  return {
    patches({ side, patch, out }) {
      const target = matrix(out)
      calls.push(({ pixels = NONE }) => patches(pixels, side, patch, target))
    },
    layerNorm({ x, weight, bias, eps, out }) {
      const [source, factors, addends, target] = [matrix(x), matrix(weight), matrix(bias), matrix(out)]
      calls.push(({ rows }) => layerNorm(rows, source, factors, addends, eps, target))
    },
    linear({ x, weight, bias, gelu = false, out }) {
      const [source, factors, addends, target] = [matrix(x), matrix(weight), matrix(bias), matrix(out)]
      calls.push(({ rows }) => linear(rows, source, factors, addends, gelu, target))
    },
    addLinear({ x, weight, bias, out }) {
      const [source, factors, addends, target] = [matrix(x), matrix(weight), matrix(bias), matrix(out)]
      calls.push(({ rows }) => addLinear(rows, source, factors, addends, target))
    },
    attendAll({ q, k, v, headDim, scale, out }) {
      const [queries, keys, values, target] = [matrix(q), matrix(k), matrix(v), matrix(out)]
      calls.push(({ rows }) => attendAll(rows, queries, keys, values, headDim, scale, target))
    },
    pool({ x, columns, size, out }) {
      const [source, target] = [matrix(x), matrix(out)]
      calls.push(() => pool(source, columns, size, target))
    },
  }
}

/** Stands for the pixels that `checkStep` has already required. */
const NONE = new Float32Array(0)
