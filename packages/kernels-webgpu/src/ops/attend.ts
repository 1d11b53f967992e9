import { check, PAGE, type CacheView } from '@g3/backend'
import type { GpuBuffer } from '../buffers.js'
import type { CacheForm, CacheShard, GpuCache } from '../caches.js'
import type { Dispatch } from '../program.js'
import type { Values } from '../shader/template.js'
import { cacheReaders, cacheValues, headsOf, normsOf, ROTATION, WORKERS, type Args } from './head-values.js'
import { bits, dispatch, params, read, write, type Kit } from './kit.js'

/** Rows of a step whose pages are taken apart so that enough workgroups run. */
const SPLIT_ROWS = 4
/** Pages, of all rows of a step, that are taken apart at most: those of Gemma's longest context. */
const MOST_PAGES = 1024
/** Heads that share a kv head and are done together, and the numbers that their queries have at most. */
const MOST_HEADS = 4
const MOST_QUERY = 1024
/**
 * Queries of several rows that read a page together at most, where loops are written out and where not (there 8 take a few per cent
 * less time than 2 and ten times as long to compile), and the shared memory that they may take.
 */
const MOST_QUERIES = 8
const MOST_LOOPED_QUERIES = 2
/** Sixteen-byte sums that a worker keeps of the values of a page. */
const MOST_SUMS = 16
const MOST_SHARED = 16_384

/** How the heads of q that share a kv head are shared out among workgroups. */
function setsOf({ unrolled }: Kit, group: number, headDim: number): { readonly heads: number; readonly sets: number } {
  const most = unrolled ? Math.min(MOST_HEADS, Math.floor(MOST_QUERY / headDim)) : 1
  let heads = 1
  for (let n = 1; n <= most; n++) if (group % n === 0) heads = n
  return { heads, sets: group / heads }
}

/** f32 values of scores, or of what workers have of one query: they never lie there together. */
const scoresOf = ({ per }: CacheForm, queries: number): number => Math.max(queries * PAGE, per * WORKERS)

/** Rows of a step that read their pages together. */
function tileRows({ unrolled }: Kit, { form }: GpuCache, heads: number): number {
  const most = unrolled ? MOST_QUERIES : MOST_LOOPED_QUERIES
  const bytes = (queries: number): number => 4 * (queries * (form.headDim + 16) + scoresOf(form, queries))
  const fits = (queries: number): boolean =>
    queries <= most && (queries * form.per) / 4 <= MOST_SUMS && bytes(queries) <= MOST_SHARED
  let rows = 1
  while (fits((rows + 1) * heads)) rows++
  return rows
}

function attendValues({ form }: GpuCache, rows: number, heads: number, sets: number): Values {
  const { headDim, parts } = form
  return {
    ...cacheValues(form),
    ROWS: rows,
    HEADS: heads,
    SETS: sets,
    ROW_VECS: (heads * headDim) / 4,
    QUERY_VECS: (rows * heads * headDim) / 4,
    SCORES: scoresOf(form, rows * heads),
    EIGHTHS: rows * heads * 16,
    LANES: Math.floor(WORKERS / parts),
    PARTIAL_VECS: 1 + headDim / 4,
  }
}

/** Sixteen bytes of what all pages give; after them lie a row's normed heads. */
const normedAt = ({ spec, form }: GpuCache, heads: number): number =>
  Math.min(SPLIT_ROWS * spec.tableEntries, MOST_PAGES) * heads * (1 + form.headDim / 4)

const partialBytes = (cache: GpuCache, heads: number): number =>
  16 * (normedAt(cache, heads) + ((heads + cache.spec.kvHeads) * cache.form.headDim) / 4)

/**
 * A few rows take their pages apart, a workgroup for each, and merge what these give; more rows have work enough. Rows of one
 * text read their pages together. Always the same bits.
 */
export function attend(kit: Kit, args: Args<'attend'>): readonly Dispatch[] {
  const [q, out, cache] = [kit.buffer(args.q), kit.buffer(args.out), kit.cache(args.cache)]
  check(q !== out, 'backend/shape', () => `attend: ${out.label} cannot be both operand and result`)
  const heads = headsOf('attend', q.cols, cache.form.headDim)
  const { kvHeads } = cache.spec
  const group = heads / kvHeads
  const own = setsOf(kit, group, cache.form.headDim)
  const partials = kit.scratch('partials', partialBytes(cache, heads))
  const page = (shard: CacheShard, form: PageForm): Dispatch => {
    const rows = form === 'tile' ? tileRows(kit, cache, own.heads) : 1
    const isSplit = form === 'split'
    return dispatch(
      kit,
      'attend.page',
      [
        read('q', 'f32', q.buffer),
        read('keys', 'vec4<u32>', shard.keys),
        read('values', 'vec4<u32>', shard.values),
        isSplit ? write('partials', 'vec4<f32>', partials) : write('out', 'vec4<f32>', out.buffer),
      ],
      { ...attendValues(cache, rows, own.heads, own.sets), FUSED: false, SPLIT: isSplit },
      params(
        [q.stride, out.stride / 4, cache.index, shard.heads],
        [shard.first, heads, kvHeads, group],
        [bits(args.scale), 0, 0, 0],
      ),
      {
        x: shard.heads * own.sets,
        rows,
        ...(isSplit && { pagesOf: cache.index }),
        only: { cache: cache.index, form },
        work: 2 * shard.heads * group * cache.form.headDim * PAGE,
      },
      { parts: [...cacheReaders(cache.form), 'lib/cache'] },
    )
  }
  const shards = cache.layers[args.layer]
  return [
    ...(['tile', 'rows', 'split'] as const).flatMap((form) => shards.map((shard) => page(shard, form))),
    merge(kit, cache, partials, heads, out),
  ]
}

/** What {@link fusedAttend} takes together. */
export interface AttendedRow {
  readonly turned: Args<'qkNormRope'>
  readonly stored: Args<'store'>
  readonly attended: Args<'attend'>
}

/** qkNormRope, store and attend of a step of one row, for a layer that has one shard. */
export function fusedAttend(kit: Kit, { turned, stored, attended }: AttendedRow): readonly Dispatch[] {
  const [q, k, v] = [kit.buffer(turned.q), kit.buffer(turned.k), kit.buffer(stored.v)]
  const [out, cache] = [kit.buffer(attended.out), kit.cache(attended.cache)]
  const { headDim } = cache.form
  const heads = headsOf('attend', q.cols, headDim)
  const { kvHeads } = cache.spec
  const group = heads / kvHeads
  const own = setsOf(kit, group, headDim)
  const partials = kit.scratch('partials', partialBytes(cache, heads))
  const normed = normedAt(cache, heads)
  const [shard] = cache.layers[attended.layer]
  return [
    dispatch(
      kit,
      'attend.page',
      [
        read('q', 'f32', q.buffer),
        read('k', 'f32', k.buffer),
        read('v', 'f32', v.buffer),
        read('norms', 'f32', normsOf(kit, turned)),
        write('keys', 'vec4<u32>', shard.keys),
        write('values', 'vec4<u32>', shard.values),
        write('partials', 'vec4<f32>', partials),
      ],
      { ...attendValues(cache, 1, own.heads, own.sets), SPLIT: true, FUSED: true },
      params(
        [q.stride, normed, cache.index, kvHeads],
        [0, heads, kvHeads, group],
        [bits(attended.scale), bits(turned.eps), 0, 0],
      ),
      {
        x: kvHeads * own.sets,
        rows: 1,
        pagesOf: cache.index,
        work: 2 * heads * headDim * PAGE,
      },
      {
        parts: [
          ...cacheReaders(cache.form),
          ...ROTATION,
          'lib/cache',
          'lib/cache-write-keys',
          'lib/cache-write-values',
        ],
      },
    ),
    merge(kit, cache, partials, heads, out, { q, k, normed }),
  ]
}

/** @param fused where the row's normed heads go, and where they lie among the partials */
function merge(
  kit: Kit,
  cache: GpuCache,
  partials: GPUBuffer,
  heads: number,
  out: GpuBuffer,
  fused?: { readonly q: GpuBuffer; readonly k: GpuBuffer; readonly normed: number },
): Dispatch {
  const { headDim } = cache.form
  return dispatch(
    kit,
    'attend.merge',
    [
      read('partials', 'vec4<f32>', partials),
      write('out', 'vec4<f32>', out.buffer),
      ...(fused ? [write('q', 'vec4<f32>', fused.q.buffer), write('k', 'vec4<f32>', fused.k.buffer)] : []),
    ],
    { HEAD_VECS: headDim / 4, PARTIAL_VECS: 1 + headDim / 4, FUSED: fused !== undefined },
    params([out.stride / 4, cache.index, heads, cache.spec.kvHeads], [fused?.normed ?? 0, 0, 0, 0]),
    {
      x: Math.ceil((heads * headDim) / 4 / 64),
      rows: 1,
      ...(!fused && { only: { cache: cache.index, form: 'split' } }),
      work: 2 * heads * headDim,
    },
  )
}

/** Whether so many pages, of all rows of a step together, can be taken apart. */
export const canSplit = (pages: number): boolean => pages <= MOST_PAGES

/** How a step's rows take their pages: each row's apart, a row's one after the other, or those of a tile of rows together. */
export type PageForm = 'split' | 'rows' | 'tile'

/** @param pages most that a row sees */
export function pageForm({ tables }: CacheView, rows: number, pages: number): PageForm {
  if (rows <= SPLIT_ROWS && pages > 1 && canSplit(rows * pages)) return 'split'
  let alike = 0
  for (let r = 1; r < rows; r++) if (tables[r] === tables[r - 1]) alike++
  // A tile takes rows of several texts one after the other, while each could have a workgroup of its own.
  return 4 * alike >= 3 * (rows - 1) ? 'tile' : 'rows'
}
