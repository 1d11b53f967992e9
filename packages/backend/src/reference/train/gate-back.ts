import type { Matrix } from '../matrix.js'
import { gelu } from '../project.js'

/** The gradients of gate and up in gelu(gate) ⊙ up. */
export function gateBack(rows: number, gate: Matrix, up: Matrix, grad: Matrix, gateGrad: Matrix, upGrad: Matrix): void {
  for (let i = 0; i < rows * gate.cols; i++) {
    const [g, d] = [gate.values[i], grad.values[i]]
    gateGrad.values[i] = d * up.values[i] * geluSlope(g)
    upGrad.values[i] = d * gelu(g)
  }
}

/** The derivative of gelu in its tanh form. */
function geluSlope(x: number): number {
  const inner = Math.sqrt(2 / Math.PI)
  const t = Math.tanh(inner * (x + 0.044715 * x * x * x))
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner * (1 + 3 * 0.044715 * x * x)
}
