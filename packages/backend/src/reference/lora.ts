import type { LoraOps } from '../lora-ops.js'
import type { Call } from './call.js'
import type { Matrix } from './matrix.js'
import type { Memory } from './memory.js'
import { dot, gelu } from './project.js'

/** The ops of adapters, as the others: each resolves its handles once and appends the call that a step makes. */
export function loraRecorder({ matrix }: Memory, calls: Call[]): LoraOps {
  return {
    addProject({ x, weight, scale, out }) {
      const [source, factors, target] = [matrix(x), matrix(weight), matrix(out)]
      calls.push(({ rows }) => addProject(rows, source, factors, scale, target))
    },
    gate({ up, out }) {
      const [factors, target] = [matrix(up), matrix(out)]
      calls.push(({ rows }) => gate(rows, factors, target))
    },
  }
}

/** out += scale · (x · weightᵀ) */
function addProject(rows: number, x: Matrix, weight: Matrix, scale: number, out: Matrix): void {
  for (let o = 0; o < weight.rows; o++) {
    for (let r = 0; r < rows; r++) {
      out.values[r * out.cols + o] += scale * dot(x.values, r * x.cols, weight.values, o * weight.cols, x.cols)
    }
  }
}

/** out = gelu(out) ⊙ up */
function gate(rows: number, up: Matrix, out: Matrix): void {
  for (let i = 0; i < rows * out.cols; i++) out.values[i] = gelu(out.values[i]) * up.values[i]
}
