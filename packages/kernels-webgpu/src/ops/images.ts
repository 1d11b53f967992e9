import { check, type VisionOps } from '@g3/backend'
import type { Dispatch } from '../program.js'
import { bits, dispatch, params, read, write, type Kit } from './kit.js'
import { fours, vectorOf } from './rows.js'

type Args<Op extends keyof VisionOps> = Parameters<VisionOps[Op]>[0]

/** Where the pixels of a step lie, for the programs that cut them. */
export const pixelRoom = (kit: Kit, { side }: Args<'patches'>): GPUBuffer => kit.scratch('pixels', 4 * 3 * side * side)

export function patches(kit: Kit, args: Args<'patches'>): readonly Dispatch[] {
  const { side, patch } = args
  const out = kit.buffer(args.out)
  return [
    dispatch(
      kit,
      'patches.row',
      [read('pixels', 'f32', pixelRoom(kit, args)), write('out', 'f32', out.buffer)],
      {},
      params([out.cols, out.stride, patch, side]),
      { x: Math.ceil(out.cols / 64), rows: 1, work: out.cols },
    ),
  ]
}

export function layerNorm(kit: Kit, args: Args<'layerNorm'>): readonly Dispatch[] {
  const [x, out] = [kit.buffer(args.x), kit.buffer(args.out)]
  return [
    dispatch(
      kit,
      'layer-norm.row',
      [
        read('x', 'vec4<f32>', x.buffer),
        read('weight', 'vec4<f32>', vectorOf('layerNorm', kit.weight(args.weight))),
        read('bias', 'vec4<f32>', vectorOf('layerNorm', kit.weight(args.bias))),
        write('out', 'vec4<f32>', out.buffer),
      ],
      { WORKERS: 256 },
      params([fours('layerNorm', x.cols), x.stride / 4, out.stride / 4, 0], [bits(1 / x.cols), bits(args.eps), 0, 0]),
      { x: 1, rows: 1, work: 6 * x.cols },
      { parts: ['lib/total'] },
    ),
  ]
}

/** Rows of q of a workgroup, and workers for each four of them. */
const QUERIES = 32
const LANES = 8
/** Shared memory of a workgroup on every device. */
const SHARED_BYTES = 16 * 1024
/** Columns of a head whose sums a worker has registers for. */
const MOST_HEAD_DIM = 256

/**
 * Keys that lie in shared memory at a time, vec4s from one to the next, which no two banks share, and all of them. Where a driver compiles for
 * a CPU a worker takes one key: it would compile for seconds.
 */
function keyTile({ unrolled }: Kit, vecs: number) {
  const stride = vecs | 1
  const bytes = (keys: number): number => keys * (16 * stride + 4 * QUERIES)
  const keys = (unrolled ? [32, 16] : []).find((count) => bytes(count) <= SHARED_BYTES) ?? LANES
  return { KEYS: keys, KEYS_EACH: keys / LANES, KEYS_VECS: keys * vecs, STRIDE: stride, TILE_VECS: keys * stride }
}

export function attendAll(kit: Kit, args: Args<'attendAll'>): readonly Dispatch[] {
  const [q, k, v] = [kit.buffer(args.q), kit.buffer(args.k), kit.buffer(args.v)]
  const out = kit.buffer(args.out)
  const { headDim, scale } = args
  const vecs = fours('attendAll: a head of', headDim)
  check(headDim <= MOST_HEAD_DIM, 'backend/shape', () => `attendAll: heads of ${headDim}, at most ${MOST_HEAD_DIM}`)
  const tile = keyTile(kit, vecs)
  return [
    dispatch(
      kit,
      'attend-all.head',
      [
        read('q', 'vec4<f32>', q.buffer),
        read('k', 'vec4<f32>', k.buffer),
        read('v', 'vec4<f32>', v.buffer),
        write('out', 'vec4<f32>', out.buffer),
      ],
      { VECS: vecs, COLUMNS: Math.ceil(vecs / LANES), SCORES: QUERIES * tile.KEYS, ...tile },
      params([q.stride / 4, k.stride / 4, v.stride / 4, out.stride / 4], [bits(scale), 0, 0, 0]),
      { x: q.cols / headDim, rows: QUERIES, work: 2 * q.cols * q.rows },
    ),
  ]
}

export function pool(kit: Kit, args: Args<'pool'>): readonly Dispatch[] {
  const [x, out] = [kit.buffer(args.x), kit.buffer(args.out)]
  const { columns, size } = args
  return [
    dispatch(
      kit,
      'pool.row',
      [read('x', 'f32', x.buffer), write('out', 'f32', out.buffer)],
      {},
      params([x.cols, x.stride, out.stride, columns], [size, bits(1 / size ** 2), 0, 0]),
      { x: Math.ceil(x.cols / 64), rows: size ** 2, work: x.cols },
    ),
  ]
}
