import type { LoraOps, Ops, VisionOps } from '@g3/backend'
import type { GpuBuffer } from '../buffers.js'
import type { Dispatch } from '../program.js'
import { sharedReaders, weightReader, weightValues } from '../shader/weight-values.js'
import { WGSL } from '../generated/wgsl.js'
import { render, type Values } from '../shader/template.js'
import type { GpuWeight, Shard } from '../weights/load.js'
import { bits, dispatch, loopValues, params, read, write, type Kit } from './kit.js'
import { chunksOf, packedRows, type PackedRows } from './packed.js'
import { vectorOf } from './rows.js'

/** Most workgroups along x that every device takes. */
const MOST_GROUPS = 65_535
const WORKERS = 64

/**
 * Rows of a matrix and of x in a tile where loops are not written out: a driver for CPUs finds each worker's address by itself, so what
 * counts is how often a number that was loaded is used. Only for products that lie alone in a kernel and are large enough
 * to be worth compiling it for two seconds.
 */
const LOOPED_TILE = 8
const LOOPED_OUTS = 640

/**
 * Lanes that share a row. Of all that shapes a kernel only this decides in which order a row's products are summed, so it
 * depends on nothing but the matrix.
 */
function lanesOf(cols: number): number {
  const chunks = chunksOf({ cols })
  return chunks >= 128 ? 32 : chunks >= 48 ? 16 : 8
}

/** What a workgroup computes at a time. */
interface Tile {
  readonly lanes: number
  /** Rows of the matrix and of x that a lane has. */
  readonly rows: number
  readonly tokens: number
  /** Rows of the matrix that a workgroup has. */
  readonly groupRows: number
}

interface TileNeeds {
  readonly cols: number
  /** Rows of all matrices of the kernel together. */
  readonly outs: number
  readonly one: boolean
  /** Matrices of the kernel, and those that a lane multiplies by at the same time. */
  readonly matrices: number
  readonly products: number
}

function tileFor({ unrolled }: Kit, { cols, outs, one, matrices, products }: TileNeeds): Tile {
  const lanes = lanesOf(cols)
  const slices = WORKERS / lanes
  if (!unrolled && !one && matrices === 1 && outs >= LOOPED_OUTS) {
    return { lanes, rows: LOOPED_TILE, tokens: LOOPED_TILE, groupRows: slices * LOOPED_TILE }
  }
  const wanted = one ? (outs >= 8192 ? 4 : outs >= 2048 ? 2 : 1) : outs >= 8192 ? 4 : 2
  let rows = Math.max(1, wanted / products)
  while (outs > MOST_GROUPS * slices * rows) rows *= 2
  const tokens = one ? 1 : !unrolled || rows * products > 2 ? 4 : 8
  return { lanes, rows, tokens, groupRows: slices * rows }
}

const tileValues = (
  kit: Kit,
  { lanes, rows, tokens, groupRows }: Tile,
  products: number,
  { multiplies }: PackedRows,
): Values => ({
  ...loopValues(kit),
  HALVES: multiplies === 'f16',
  LANES: lanes,
  ROWS: rows,
  TOKENS: tokens,
  OUTPUTS: rows * tokens,
  SLICES: WORKERS / lanes,
  GROUP_ROWS: groupRows,
  GROUP_OUTPUTS: (WORKERS / lanes) * rows * tokens,
  LANE_SUMS: WORKERS * rows * tokens * products,
  SUBGROUPS: kit.subgroups,
})

/** What reads the weights w0, w1, … and multiplies x by them. */
function readers(weights: readonly GpuWeight[], tile: Values, x: PackedRows): readonly string[] {
  return [
    ...sharedReaders(weights.map(({ type }) => type)),
    render(WGSL['lib/lanes'], tile),
    ...weights.flatMap(({ type }, i) => [
      weightReader(`w${i}`, type),
      render(WGSL[x.tile], { ...tile, ...weightValues(type), W: `w${i}` }),
    ]),
  ]
}

interface GpuProduct {
  readonly weight: GpuWeight
  readonly out: GpuBuffer
}

/** What becomes of products before they are written. */
interface Ending {
  /** They are added to what is there, times this. */
  readonly scale?: number
  /** A number for each output, added to it. */
  readonly bias?: GPUBuffer
  readonly gelu?: boolean
}

/**
 * Products of x and a shard each of some weights, in one kernel.
 */
function products(
  kit: Kit,
  one: boolean,
  x: PackedRows,
  list: readonly (GpuProduct & { readonly shard: Shard })[],
  { scale, bias, gelu = false }: Ending = {},
): Dispatch {
  const outs = list.reduce((sum, { shard }) => sum + shard.rows, 0)
  const [{ weight: first }] = list
  const tile = tileFor(kit, { cols: first.cols, outs, one, matrices: list.length, products: 1 })
  const values: Values = {
    ...tileValues(kit, tile, 1, x),
    PRODUCTS: list.length,
    ADDS: scale !== undefined,
    BIAS: bias !== undefined,
    GELU: gelu,
  }
  let groups = 0
  const places = list.map(({ shard, out }) => {
    const begin = groups
    groups += Math.ceil(shard.rows / tile.groupRows)
    return [
      [...shard.parts, shard.rows],
      [out.stride, shard.first, begin, groups],
    ]
  })
  return dispatch(
    kit,
    'project.tile',
    [
      x.operand,
      ...list.map(({ shard }, p) => read(`w${p}`, 'vec4<u32>', shard.buffer)),
      ...list.map(({ out }, p) => write(`out${p}`, 'f32', out.buffer)),
      ...(bias ? [read('bias', 'f32', bias)] : []),
    ],
    values,
    params([chunksOf(first), x.stride, x.from ? 1 : 0, scale === undefined ? 0 : bits(scale)], ...places.flat()),
    { x: groups, rows: tile.tokens, work: outs * first.cols },
    {
      parts: gelu ? ['lib/gelu'] : [],
      texts: readers(
        list.map(({ weight }) => weight),
        values,
        x,
      ),
    },
  )
}

/** Shards that one kernel is bound to at most, as qkv is to three matrices. */
const MOST_SHARDS = 3

interface Alone extends Ending {
  /** Rows of x count from the step's `from`. */
  readonly from?: boolean
}

function alone(
  kit: Kit,
  one: boolean,
  x: GpuBuffer,
  product: GpuProduct,
  { from = false, ...ending }: Alone = {},
): readonly Dispatch[] {
  const { weight } = product
  const { shards } = weight
  const rows = packedRows(kit, x, [weight], from)
  const kernels = Array.from({ length: Math.ceil(shards.length / MOST_SHARDS) }, (_, n) => {
    const own = shards.slice(n * MOST_SHARDS, (n + 1) * MOST_SHARDS)
    return products(
      kit,
      one,
      rows,
      own.map((shard) => ({ ...product, shard })),
      ending,
    )
  })
  return [...rows.before, ...kernels]
}

type Products = Ops & LoraOps & VisionOps
type Args<Op extends keyof Products> = Parameters<Products[Op]>[0]

export function project(kit: Kit, one: boolean, { x, weight, out }: Args<'project'>): readonly Dispatch[] {
  return alone(kit, one, kit.buffer(x), { weight: kit.weight(weight), out: kit.buffer(out) })
}

export function addProject(kit: Kit, one: boolean, { x, weight, scale, out }: Args<'addProject'>): readonly Dispatch[] {
  return alone(kit, one, kit.buffer(x), { weight: kit.weight(weight), out: kit.buffer(out) }, { scale })
}

export function linear(kit: Kit, one: boolean, args: Args<'linear'>): readonly Dispatch[] {
  return affine(kit, one, args, args.gelu === undefined ? {} : { gelu: args.gelu })
}

export function addLinear(kit: Kit, one: boolean, args: Args<'addLinear'>): readonly Dispatch[] {
  return affine(kit, one, args, { scale: 1 })
}

function affine(
  kit: Kit,
  one: boolean,
  { x, weight, bias, out }: Args<'addLinear'>,
  ending: Omit<Ending, 'bias'>,
): readonly Dispatch[] {
  const product = { weight: kit.weight(weight), out: kit.buffer(out) }
  return alone(kit, one, kit.buffer(x), product, { ...ending, bias: vectorOf('linear', kit.weight(bias)) })
}

export function logits(kit: Kit, one: boolean, { x, weight, out }: Args<'logits'>): readonly Dispatch[] {
  return logitsInto(kit, one, kit.buffer(x), kit.weight(weight), kit.buffer(out))
}

/** The logits of the step's rows from `from` on. */
export const logitsInto = (kit: Kit, one: boolean, x: GpuBuffer, weight: GpuWeight, out: GpuBuffer) =>
  alone(kit, one, x, { weight, out }, { from: true })

export function qkv(kit: Kit, one: boolean, args: Args<'qkv'>): readonly Dispatch[] {
  const x = kit.buffer(args.x)
  const list = [args.q, args.k, args.v].map(({ weight, out }) => ({ weight: kit.weight(weight), out: kit.buffer(out) }))
  const whole = list.flatMap((product) => {
    const [shard] = product.weight.shards
    return product.weight.shards.length === 1 ? [{ ...product, shard }] : []
  })
  if (whole.length === list.length) {
    const weights = whole.map(({ weight }) => weight)
    const rows = packedRows(kit, x, weights, false)
    return [...rows.before, products(kit, one, rows, whole)]
  }
  return list.flatMap((product) => alone(kit, one, x, product))
}

export function gatedUp(kit: Kit, one: boolean, args: Args<'gatedUp'>): readonly Dispatch[] {
  const [x, out] = [kit.buffer(args.x), kit.buffer(args.out)]
  const [gate, up] = [kit.weight(args.gate), kit.weight(args.up)]
  const packed = packedRows(kit, x, [gate, up], false)
  const kernels = gate.shards.flatMap((gateShard) =>
    up.shards.flatMap((upShard) => {
      const first = Math.max(gateShard.first, upShard.first)
      const rows = Math.min(gateShard.first + gateShard.rows, upShard.first + upShard.rows) - first
      if (rows <= 0) return []
      const tile = tileFor(kit, { cols: gate.cols, outs: 2 * rows, one, matrices: 2, products: 2 })
      const values = tileValues(kit, tile, 2, packed)
      return [
        dispatch(
          kit,
          'gated-up.tile',
          [
            packed.operand,
            read('w0', 'vec4<u32>', gateShard.buffer),
            read('w1', 'vec4<u32>', upShard.buffer),
            write('out', 'f32', out.buffer),
          ],
          values,
          params(
            [chunksOf(gate), packed.stride, 0, 0],
            [...gateShard.parts, gateShard.rows],
            [...upShard.parts, upShard.rows],
            [out.stride, first, first - gateShard.first, first - upShard.first],
            [rows, 0, 0, 0],
          ),
          { x: Math.ceil(rows / tile.groupRows), rows: tile.tokens, work: 2 * rows * gate.cols },
          { parts: ['lib/gelu'], texts: readers([gate, up], values, packed) },
        ),
      ]
    }),
  )
  return [...packed.before, ...kernels]
}
