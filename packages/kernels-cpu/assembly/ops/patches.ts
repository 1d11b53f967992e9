import { int, rowOf, stepPixels } from './args'

/** patches: out 0-1, side 2, patch 3. Of the step's pixels [3, side, side], a patch a row: for each channel its rows. */
export function patches(args: usize, first: i32, last: i32): void {
  const side = int(args, 2), patch = int(args, 3), perSide = side / patch
  for (let r = first; r < last; r++) {
    const corner = (r / perSide) * patch * side + (r % perSide) * patch
    let to = rowOf(args, 0, r), from = stepPixels() + 4 * corner
    for (let channel = 0; channel < 3; channel++, from += 4 * (side - patch) * side) {
      for (let y = 0; y < patch; y++, from += 4 * side, to += 4 * patch) memory.copy(to, from, 4 * patch)
    }
  }
}
