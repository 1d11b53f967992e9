import { G3Error } from '@g3/backend'

/**
 * Undoes a row's filter in place. `above` is the unfiltered row over it, zeros for the first; `step` is bytes a pixel, 1
 * where a byte holds several.
 *
 * Source: PNG specification, filter types for filter method 0.
 * @throws G3Error `vision/damaged`
 */
export function unfilter(filter: number, row: Uint8Array, above: Uint8Array, step: number): void {
  switch (filter) {
    case 0:
      return
    case 1:
      for (let i = step; i < row.length; i++) row[i] += row[i - step]
      return
    case 2:
      for (let i = 0; i < row.length; i++) row[i] += above[i]
      return
    case 3:
      for (let i = 0; i < row.length; i++) row[i] += ((i < step ? 0 : row[i - step]) + above[i]) >> 1
      return
    case 4:
      for (let i = 0; i < step; i++) row[i] += above[i]
      for (let i = step; i < row.length; i++) row[i] += paeth(row[i - step], above[i], above[i - step])
      return
    default:
      throw new G3Error('vision/damaged', `a row of the PNG has filter ${filter}, which does not exist`)
  }
}

/** Of left, above and upper left, the one nearest to left + above - upper left. */
function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner)
  const toAbove = Math.abs(left - corner)
  const toCorner = Math.abs(left + above - 2 * corner)
  if (toLeft <= toAbove && toLeft <= toCorner) return left
  return toAbove <= toCorner ? above : corner
}
