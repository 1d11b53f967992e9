import type { LayerView } from './look.js'

/** Weights [positions] of one head, or the mean of all. */
export function headWeights(
  { attention }: Pick<LayerView, 'attention'>,
  heads: number,
  head: number | undefined,
): Float32Array {
  const positions = attention.length / heads
  if (head !== undefined) return attention.slice(head * positions, (head + 1) * positions)
  const mean = new Float32Array(positions)
  for (let n = 0; n < attention.length; n++) mean[n % positions] += attention[n] / heads
  return mean
}

/** How strongly a position is coloured: the square root tells small weights apart, the largest is full. */
export function shades(weights: Float32Array): Float32Array {
  const most = weights.reduce((largest, weight) => Math.max(largest, weight), 0)
  return weights.map((weight) => (most > 0 ? Math.sqrt(weight / most) : 0))
}
