import { ropeFrequencies } from '@g3/backend'
import type { Dispatch } from '../program.js'
import { cacheReaders, cacheValues, headsOf, headValues, normsOf, ROTATION, type Args } from './head-values.js'
import { bits, dispatch, params, read, write, type Kit } from './kit.js'

export function qkNormRope(kit: Kit, args: Args<'qkNormRope'>): readonly Dispatch[] {
  const { headDim, eps } = args
  const [q, k] = [kit.buffer(args.q), kit.buffer(args.k)]
  const heads = [headsOf('qkNormRope', q.cols, headDim), headsOf('qkNormRope', k.cols, headDim)]
  return [
    dispatch(
      kit,
      'qk-norm-rope.head',
      [write('q', 'f32', q.buffer), write('k', 'f32', k.buffer), read('norms', 'f32', normsOf(kit, args))],
      { ...headValues(headDim), STORE: false },
      params([q.stride, k.stride, 0, 0], [...heads, 0, 0], [bits(eps), 0, 0, 0]),
      { x: heads[0] + heads[1], rows: 1, work: 8 * (q.cols + k.cols) },
      { parts: ROTATION },
    ),
  ]
}

/** {@link qkNormRope} and {@link store} of the k that it turns, into a cache that has one shard. */
export function qkNormRopeStore(kit: Kit, args: Args<'qkNormRope'>, stored: Args<'store'>): readonly Dispatch[] {
  const { headDim, eps } = args
  const [q, k, v] = [kit.buffer(args.q), kit.buffer(args.k), kit.buffer(stored.v)]
  const cache = kit.cache(stored.cache)
  const [{ keys, values }] = cache.layers[stored.layer]
  const heads = [headsOf('qkNormRope', q.cols, headDim), headsOf('qkNormRope', k.cols, headDim)]
  return [
    dispatch(
      kit,
      'qk-norm-rope.head',
      [
        write('q', 'f32', q.buffer),
        write('k', 'f32', k.buffer),
        read('norms', 'f32', normsOf(kit, args)),
        read('v', 'f32', v.buffer),
        write('keys', 'vec4<u32>', keys),
        write('values', 'vec4<u32>', values),
      ],
      { ...cacheValues(cache.form), STORE: true },
      params([q.stride, k.stride, v.stride, cache.index], [...heads, 0, 0], [bits(eps), 0, 0, 0]),
      { x: heads[0] + 2 * heads[1], rows: 1, work: 8 * (q.cols + 2 * k.cols) },
      { parts: [...ROTATION, 'lib/cache', 'lib/cache-write-keys', 'lib/cache-write-values'] },
    ),
  ]
}

/** Where kernels without {@link ROTATION} keep a head. */
const headRoom = (headDim: number): string => `var<workgroup> head: array<f32, ${headDim}>;`

export function store(kit: Kit, args: Args<'store'>): readonly Dispatch[] {
  const [k, v, cache] = [kit.buffer(args.k), kit.buffer(args.v), kit.cache(args.cache)]
  return cache.layers[args.layer].map(({ first, heads, keys, values }) =>
    dispatch(
      kit,
      'store.head',
      [
        read('k', 'f32', k.buffer),
        read('v', 'f32', v.buffer),
        write('keys', 'vec4<u32>', keys),
        write('values', 'vec4<u32>', values),
      ],
      cacheValues(cache.form),
      params([k.stride, v.stride, cache.index, 0], [heads, first, 0, 0]),
      { x: 2 * heads, rows: 1, work: 2 * heads * cache.form.headDim },
      { parts: ['lib/cache', 'lib/cache-write-keys', 'lib/cache-write-values'], texts: [headRoom(cache.form.headDim)] },
    ),
  )
}

export function rerotate(kit: Kit, args: Args<'rerotate'>): readonly Dispatch[] {
  const cache = kit.cache(args.cache)
  kit.buffer(args.k)
  const { headDim } = cache.form
  const { base, scaling } = args.rope
  const frequencies = kit.constants(`frequencies ${headDim} ${base} ${scaling}`, [
    new Float32Array(ropeFrequencies(headDim, base, scaling)),
  ])
  return cache.layers[args.layer].map(({ heads, keys }) =>
    dispatch(
      kit,
      'rerotate.head',
      [read('norms', 'f32', frequencies), write('keys', 'vec4<u32>', keys)],
      cacheValues(cache.form),
      params([cache.index, heads, 0, 0]),
      { x: heads, rows: 1, work: 8 * heads * headDim },
      {
        parts: [...cacheReaders(cache.form), 'lib/rope', 'lib/cache', 'lib/cache-write-keys'],
        texts: [headRoom(headDim)],
      },
    ),
  )
}
