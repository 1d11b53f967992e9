import { check, type Ops } from '@g3/backend'
import type { Dispatch } from '../program.js'
import { sharedReaders, weightReader, weightValues } from '../shader/weight-values.js'
import { CHUNK } from '../weights/forms.js'
import { bits, dispatch, params, read, write, type Kit } from './kit.js'
import { chunksOf } from './packed.js'

/** Workers of a row's norm. */
const WORKERS = 256

export function embed(kit: Kit, args: Parameters<Ops['embed']>[0]): readonly Dispatch[] {
  const [weight, out] = [kit.weight(args.weight), kit.buffer(args.out)]
  const ids = args.ids && kit.buffer(args.ids)
  const chunks = chunksOf(weight)
  check(weight.cols >= CHUNK, 'backend/shape', () => `embed: ${weight.cols} columns, fewer than ${CHUNK}`)
  return weight.shards.map((shard) =>
    dispatch(
      kit,
      'embed.row',
      [
        read('w0', 'vec4<u32>', shard.buffer),
        write('out', 'vec4<f32>', out.buffer),
        ...(ids ? [read('ids', 'f32', ids.buffer)] : []),
      ],
      { ...weightValues(weight.type), CHOSEN: ids !== undefined },
      params(
        [chunks, out.stride / 4, shard.first, ids?.stride ?? 0],
        [...shard.parts, shard.rows],
        [bits(args.scale), 0, 0, 0],
      ),
      { x: Math.ceil(chunks / 64), rows: 1, work: weight.cols },
      { texts: [...sharedReaders([weight.type]), weightReader('w0', weight.type)] },
    ),
  )
}

export function norm(kit: Kit, args: Parameters<Ops['norm']>[0]): readonly Dispatch[] {
  const [x, weight, out] = [kit.buffer(args.x), kit.weight(args.weight), kit.buffer(args.out)]
  return [
    dispatch(
      kit,
      'norm.row',
      [
        read('x', 'vec4<f32>', x.buffer),
        read('weight', 'vec4<f32>', vectorOf('norm', weight)),
        write('out', 'vec4<f32>', out.buffer),
      ],
      { WORKERS },
      params([fours('norm', x.cols), x.stride / 4, out.stride / 4, 0], [bits(1 / x.cols), bits(args.eps), 0, 0]),
      { x: 1, rows: 1, work: 2 * x.cols },
      { parts: ['lib/total'] },
    ),
  ]
}

export function addNorm(kit: Kit, args: Parameters<Ops['addNorm']>[0]): readonly Dispatch[] {
  const [x, y, out] = [kit.buffer(args.x), kit.buffer(args.y), kit.buffer(args.out)]
  const [post, next] = [kit.weight(args.post), kit.weight(args.next)]
  return [
    dispatch(
      kit,
      'add-norm.row',
      [
        write('x', 'vec4<f32>', x.buffer),
        read('y', 'vec4<f32>', y.buffer),
        read('post', 'vec4<f32>', vectorOf('addNorm', post)),
        read('next', 'vec4<f32>', vectorOf('addNorm', next)),
        write('out', 'vec4<f32>', out.buffer),
      ],
      { WORKERS },
      params(
        [fours('addNorm', x.cols), x.stride / 4, y.stride / 4, out.stride / 4],
        [bits(1 / x.cols), bits(args.eps), 0, 0],
      ),
      { x: 1, rows: 1, work: 4 * x.cols },
      { parts: ['lib/total'] },
    ),
  ]
}

/** The f32 values of a weight of one row. */
export function vectorOf(op: string, { name, rows, shards }: ReturnType<Kit['weight']>): GPUBuffer {
  const [shard] = shards
  check(rows === 1 && shard !== undefined, 'backend/shape', () => `${op}: ${name} is a matrix, this op needs a vector`)
  return shard.buffer
}

/** Columns that are read four at a time, as fours. */
export function fours(op: string, cols: number): number {
  check(cols % 4 === 0, 'backend/shape', () => `${op}: ${cols} columns, not a multiple of 4`)
  return cols / 4
}
