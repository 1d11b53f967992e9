import type { Matrix } from './matrix.js'

/** out[r] = patch r of `pixels` [3, side, side]: for each channel the patch's rows. */
export function patches(pixels: Float32Array, side: number, patch: number, out: Matrix): void {
  const perSide = side / patch
  let to = 0
  for (let r = 0; r < perSide * perSide; r++) {
    const [top, left] = [Math.floor(r / perSide) * patch, (r % perSide) * patch]
    for (let channel = 0; channel < 3; channel++) {
      for (let y = 0; y < patch; y++) {
        for (let x = 0; x < patch; x++) out.values[to++] = pixels[(channel * side + top + y) * side + left + x]
      }
    }
  }
}
