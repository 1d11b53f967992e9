/**
 * Points [count, width] in the three directions in which they differ most (principal components, by power iteration), each
 * from 0 to 1: colours for what has no colour. Signs are such that the first component grows with the first point's.
 */
export function threeColours(points: Float32Array, width: number): Float32Array {
  const count = points.length / width
  const centred = Float64Array.from(points)
  for (let col = 0; col < width; col++) {
    let mean = 0
    for (let row = 0; row < count; row++) mean += centred[row * width + col] / count
    for (let row = 0; row < count; row++) centred[row * width + col] -= mean
  }
  const colours = new Float32Array(count * 3)
  for (let component = 0; component < 3; component++) {
    const direction = mainDirection(centred, width, component)
    let [least, most] = [Infinity, -Infinity]
    const along = Array.from({ length: count }, (_, row) => {
      let value = 0
      for (let col = 0; col < width; col++) value += centred[row * width + col] * direction[col]
      // What is told by this direction is taken out for the next.
      for (let col = 0; col < width; col++) centred[row * width + col] -= value * direction[col]
      least = Math.min(least, value)
      most = Math.max(most, value)
      return value
    })
    for (const [row, value] of along.entries())
      colours[row * 3 + component] = most > least ? (value - least) / (most - least) : 0.5
  }
  return colours
}

const STEPS = 48

/** The direction [width] of most variance; zeros where there is none. */
function mainDirection(centred: Float64Array, width: number, seed: number): Float64Array {
  const count = centred.length / width
  let direction = Float64Array.from({ length: width }, (_, col) => Math.cos(col * (seed + 1) + seed) + 0.01)
  for (let step = 0; step < STEPS; step++) {
    const next = new Float64Array(width)
    for (let row = 0; row < count; row++) {
      let along = 0
      for (let col = 0; col < width; col++) along += centred[row * width + col] * direction[col]
      for (let col = 0; col < width; col++) next[col] += along * centred[row * width + col]
    }
    const norm = Math.hypot(...next)
    if (norm < 1e-12) return new Float64Array(width)
    direction = next.map((value) => value / norm)
  }
  return direction
}
