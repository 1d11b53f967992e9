import { int, rowOf } from './args'

/** pool: x 0-1, out 2-3, columns of the grid 4, size 5, cols 6. Of rows [first, last) of x, as many of `out` as they would fill. */
export function pool(args: usize, first: i32, last: i32): void {
  const columns = int(args, 4), size = int(args, 5), area = size * size, perRow = columns / size
  const part = f32x4.splat(1 / <f32>area)
  for (let r = first / area, end = last / area; r < end; r++) {
    const corner = (r / perRow) * size * columns + (r % perRow) * size, out = rowOf(args, 2, r)
    for (let i: usize = 0, bytes: usize = 4 * int(args, 6); i < bytes; i += 16) {
      let sum = f32x4.splat(0)
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) sum = f32x4.add(sum, v128.load(rowOf(args, 0, corner + y * columns + x) + i))
      }
      v128.store(out + i, f32x4.mul(sum, part))
    }
  }
}
