/** A weight or a buffer as the reference ops see it: [rows, cols] f32 values, row after row. */
export interface Matrix {
  readonly rows: number
  readonly cols: number
  readonly values: Float32Array
}

/** Keys and values of one layer, each [pages · PAGE, kvHeads · headDim]. */
export interface LayerCache {
  readonly keys: Matrix
  readonly values: Matrix
}
