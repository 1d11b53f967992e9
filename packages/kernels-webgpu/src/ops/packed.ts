import { check } from '@g3/backend'
import type { GpuBuffer } from '../buffers.js'
import type { Multiplies } from '../device.js'
import type { Dispatch } from '../program.js'
import type { TemplateName } from '../shader/source.js'
import { CHUNK, FORMS } from '../weights/forms.js'
import type { GpuWeight } from '../weights/load.js'
import { dispatch, params, read, write, type Kit, type Operand } from './kit.js'

/** Sixteen bytes of a chunk: its levels, then their scale and sums. */
const CHUNK_VECS = { dp4a: 3, f16: 5 } as const

const TILES = {
  f32: 'lib/tile',
  f16: 'lib/tile.halves',
  dp4a: 'lib/tile.dots',
} as const satisfies Record<Multiplies, TemplateName>

/** Chunks of a row: the last may be zeros at its end. */
export const chunksOf = ({ cols }: { readonly cols: number }): number => Math.ceil(cols / CHUNK)

/** Rows of x as a product reads them. */
export interface PackedRows {
  readonly multiplies: Multiplies
  readonly tile: TemplateName
  readonly operand: Operand
  /** Sixteen bytes from row to row. */
  readonly stride: number
  /** Whether rows count from the step's `from` still. */
  readonly from: boolean
  /** What makes them. */
  readonly before: readonly Dispatch[]
}

/** Rows of x for products by these weights. Weights that are floats are multiplied as f32: their range may exceed f16's. */
export function packedRows(kit: Kit, x: GpuBuffer, weights: readonly GpuWeight[], from: boolean): PackedRows {
  for (const { name, cols } of weights) {
    check(cols >= CHUNK, 'backend/shape', () => `product: ${name} has ${cols} columns, fewer than ${CHUNK}`)
  }
  const isQuantised = weights.every(({ type }) => FORMS[type].kind === 'quantised')
  const multiplies = isQuantised ? kit.multiplies : 'f32'
  const tile = TILES[multiplies]
  if (multiplies === 'f32') {
    return { multiplies, tile, operand: read('x', 'vec4<f32>', x.buffer), stride: x.stride / 4, from, before: [] }
  }
  const chunks = chunksOf(x)
  const stride = chunks * CHUNK_VECS[multiplies]
  const packed = kit.scratch('packed rows', x.rows * stride * 16)
  const pack = dispatch(
    kit,
    'pack.row',
    [read('x', 'vec4<f32>', x.buffer), write('out', 'vec4<u32>', packed)],
    {
      DOTS: multiplies === 'dp4a',
      LEVEL_VECS: CHUNK_VECS[multiplies] - 1,
      LARGEST: multiplies === 'dp4a' ? '127.0' : '1.0',
    },
    params([chunks, x.stride / 4, from ? 1 : 0, 0]),
    { x: Math.ceil(chunks / 64), rows: 1, work: x.cols },
  )
  return { multiplies, tile, operand: read('x', 'vec4<u32>', packed), stride, from: false, before: [pack] }
}
