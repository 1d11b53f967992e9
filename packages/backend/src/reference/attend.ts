import type { CacheSpec, CacheView } from '../contract.js'
import type { LayerCache, Matrix } from './matrix.js'

/** key[slots[r]] = k[r]; value[slots[r]] = v[r] */
export function store(rows: number, k: Matrix, v: Matrix, slots: Int32Array, layer: LayerCache): void {
  for (let r = 0; r < rows; r++) {
    layer.keys.values.set(k.values.subarray(r * k.cols, (r + 1) * k.cols), slots[r] * k.cols)
    layer.values.values.set(v.values.subarray(r * v.cols, (r + 1) * v.cols), slots[r] * v.cols)
  }
}

/**
 * out[r, h] = Σ_s softmax_s(scale · q[r, h] · key[s, h′]) · value[s, h′] over the slots that row r sees, h′ = ⌊h /
 * group⌋
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
    const slots = visibleSlots(view.spans, r)
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

function visibleSlots(spans: Int32Array, row: number): readonly number[] {
  const [a0, a1, b0, b1] = spans.subarray(4 * row, 4 * row + 4)
  const slots: number[] = []
  for (let slot = a0; slot < a1; slot++) slots.push(slot)
  for (let slot = b0; slot < b1; slot++) slots.push(slot)
  return slots
}
