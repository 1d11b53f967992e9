import { PAGE, type CacheSpec, type CacheView } from '../contract.js'
import type { LayerCache, Matrix } from './matrix.js'

/**
 * out[r, h] = Σ_s softmax_s(scale · q[r, h] · key[s, h′]) · value[s, h′] over the positions that row r sees, h′ =
 * ⌊h / group⌋
 */
export function attend(
  rows: number,
  q: Matrix,
  view: CacheView,
  layer: LayerCache,
  { kvHeads, headDim }: CacheSpec,
  scale: number,
  out: Matrix,
): void {
  const heads = q.cols / headDim
  const group = heads / kvHeads
  for (let r = 0; r < rows; r++) {
    const slots = visibleSlots(view, r)
    for (let h = 0; h < heads; h++) {
      const column = Math.floor(h / group) * headDim
      attendHead(q.values, r * q.cols + h * headDim, slots, layer, column, headDim, scale, out.values)
    }
  }
}

/** One head: its query lies at `at` in q, its result goes to `at` in out; its keys lie at `column` of each slot. */
function attendHead(
  q: Float32Array,
  at: number,
  slots: readonly number[],
  layer: LayerCache,
  column: number,
  headDim: number,
  scale: number,
  out: Float32Array,
): void {
  const stride = layer.keys.cols
  const scores = slots.map((slot) => {
    let score = 0
    for (let i = 0; i < headDim; i++) score += q[at + i] * layer.keys.values[slot * stride + column + i]
    return score * scale
  })
  const largest = scores.reduce((a, b) => Math.max(a, b))
  const weights = scores.map((score) => Math.exp(score - largest))
  const total = weights.reduce((a, b) => a + b)
  for (let i = 0; i < headDim; i++) {
    let sum = 0
    for (let s = 0; s < slots.length; s++) sum += weights[s] * layer.values.values[slots[s] * stride + column + i]
    out[at + i] = sum / total
  }
}

function visibleSlots({ spans, tables, pages }: CacheView, row: number): readonly number[] {
  const slots: number[] = []
  for (let p = spans[2 * row]; p < spans[2 * row + 1]; p++) {
    slots.push(pages[tables[row] + Math.floor(p / PAGE)] * PAGE + (p % PAGE))
  }
  return slots
}
