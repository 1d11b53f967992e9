import {
  MOST_RANKED,
  PAGE,
  type Backend,
  type Buffer,
  type CacheSpec,
  type CacheStore,
  type CacheType,
  type Ops,
  type RopeScaling,
  type Step,
} from './contract.js'
import { check } from './errors.js'
import { apart, heads, normShapes, number, productShapes, same, vector, within } from './shapes.js'
import { checkStep, stepNeeds } from './step.js'

/** The ops of one program with their shapes checked, and the check of the steps that this program can run. */
export interface CheckedOps {
  readonly ops: Ops
  /**
   * Checks a step before anything is written. Allocates nothing.
   * @throws G3Error `backend/step`
   */
  checkStep(step: Step): void
}

/**
 * The rules that shapes and steps obey, in one place for all backends: wraps a backend's own ops, checks what is
 * recorded and collects what a step must bring.
 * @param needs where that is collected, for a caller who adds to it
 * @throws G3Error `backend/shape` from the op whose operands do not fit together
 */
export function checkedOps(inner: Ops, needs = stepNeeds()): CheckedOps {
  const ops: Ops = {
    embed(args) {
      same('embed: columns', args.weight.cols, args.out.cols)
      number('embed: scale', args.scale)
      if (args.ids === undefined) needs.ids = Math.min(needs.ids, args.weight.rows)
      else needs.hold(args.ids)
      needs.hold(args.out)
      inner.embed(args)
    },
    norm(args) {
      normShapes('norm', args.x, args.weight, args.out, args.eps)
      needs.hold(args.x, args.out)
      inner.norm(args)
    },
    qkv(args) {
      for (const part of [args.q, args.k, args.v]) productShapes('qkv', args.x, part)
      needs.hold(args.x, args.q.out, args.k.out, args.v.out)
      inner.qkv(args)
    },
    qkNormRope(args) {
      const { q, k, qNorm, kNorm, headDim, rope } = args
      heads('qkNormRope', q, headDim)
      heads('qkNormRope', k, headDim)
      rotation('qkNormRope', headDim, rope)
      for (const weight of [qNorm, kNorm]) vector('qkNormRope: norm weight', weight, headDim)
      number('qkNormRope: eps', args.eps)
      needs.positions = true
      needs.hold(q, k)
      inner.qkNormRope(args)
    },
    store(args) {
      const { k, v, cache } = args
      for (const part of [k, v]) same('store: columns', part.cols, cache.spec.kvHeads * cache.spec.headDim)
      layerOf('store', cache, args.layer)
      needs.use(cache)
      needs.hold(k, v)
      inner.store(args)
    },
    attend(args) {
      const { q, out, cache } = args
      heads('attend', q, cache.spec.headDim)
      same('attend: columns', q.cols, out.cols)
      const groups = q.cols / cache.spec.headDim / cache.spec.kvHeads
      check(
        Number.isInteger(groups),
        'backend/shape',
        `attend: the heads of q are no multiple of the cache's ${cache.spec.kvHeads} kv heads`,
      )
      layerOf('attend', cache, args.layer)
      number('attend: scale', args.scale)
      needs.use(cache, true)
      needs.hold(q, out)
      inner.attend(args)
    },
    rerotate(args) {
      const { k, cache, rope } = args
      const { kvHeads, headDim } = cache.spec
      same('rerotate: columns', k.cols, kvHeads * headDim)
      layerOf('rerotate', cache, args.layer)
      rotation('rerotate', headDim, rope)
      needs.positions = true
      needs.use(cache)
      needs.hold(k)
      inner.rerotate(args)
    },
    project(args) {
      productShapes('project', args.x, args)
      needs.hold(args.x, args.out)
      inner.project(args)
    },
    addNorm(args) {
      normShapes('addNorm', args.y, args.post, args.x, args.eps)
      normShapes('addNorm', args.x, args.next, args.out, args.eps)
      needs.hold(args.x, args.y, args.out)
      inner.addNorm(args)
    },
    gatedUp(args) {
      for (const weight of [args.gate, args.up]) productShapes('gatedUp', args.x, { weight, out: args.out })
      needs.hold(args.x, args.out)
      inner.gatedUp(args)
    },
    logits(args) {
      productShapes('logits', args.x, args)
      needs.logitsRows = Math.min(needs.logitsRows, args.x.rows)
      needs.hold(args.out)
      inner.logits(args)
    },
    top(args) {
      const { x, weight, limit, count, out } = args
      apart('top', out, x)
      same(`top: columns of x and ${weight.name}`, x.cols, weight.cols)
      within('top: limit', limit, Math.min(weight.rows, 2 ** 24))
      within('top: count', count, Math.min(limit, MOST_RANKED))
      same(`top: columns of ${out.label} and twice the count`, out.cols, 2 * count)
      needs.logitsRows = Math.min(needs.logitsRows, x.rows)
      needs.hold(out)
      inner.top(args)
    },
    draw(args) {
      const { ranked, out } = args
      within(`draw: columns of ${ranked.label}`, ranked.cols / 2, MOST_RANKED)
      same('draw: columns of out', out.cols, 1)
      needs.draws = true
      needs.hold(ranked, out)
      inner.draw(args)
    },
  }
  return { ops, checkStep: (step) => checkStep(step, needs) }
}

function rotation(op: string, headDim: number, { base, scaling }: RopeScaling): void {
  check(headDim % 2 === 0, 'backend/shape', `${op}: headDim ${headDim} is odd, pairs cannot be rotated`)
  check(base > 0 && scaling > 0, 'backend/shape', `${op}: base and scaling of rope must be positive`)
}

function layerOf(op: string, cache: CacheStore, layer: number): void {
  const { layers, label } = cache.spec
  const held = Number.isInteger(layer) && layer >= 0 && layer < layers
  check(held, 'backend/shape', `${op}: cache ${label} has ${layers} layers, none is number ${layer}`)
}

/**
 * The rules that caches obey, in one place for all backends.
 * @throws G3Error `backend/shape`
 */
export function checkCacheSpec({ label, layers, pages, tableEntries, kvHeads, headDim, type }: CacheSpec): void {
  const sizes = { layers, pages, tableEntries, kvHeads, headDim }
  for (const [name, size] of Object.entries(sizes)) {
    check(
      Number.isInteger(size) && size > 0,
      'backend/shape',
      () => `cache ${label}: ${name} is ${size}, not a positive integer`,
    )
  }
  check(
    pages * PAGE < 2 ** 31,
    'backend/shape',
    () => `cache ${label}: ${pages} pages have more slots than can be numbered`,
  )
  const group = CACHE_GROUPS[type]
  check(
    group !== undefined,
    'backend/shape',
    () => `cache ${label}: type ${type} is none of ${Object.keys(CACHE_GROUPS).join(', ')}`,
  )
  check(
    headDim % group === 0,
    'backend/shape',
    () => `cache ${label}: heads of ${headDim} are no multiple of ${group}, as ${type} needs`,
  )
}

/** Numbers of a head that share a scale. */
const CACHE_GROUPS: Readonly<Partial<Record<CacheType, number>>> = { f32: 1, f16: 1, q8_0: 32 }

/** @throws G3Error `backend/page` for a page that the cache does not have */
export function checkPage({ spec: { label, pages } }: CacheStore, page: number): void {
  const held = Number.isInteger(page) && page >= 0 && page < pages
  check(held, 'backend/page', () => `cache ${label} has pages 0 to ${pages - 1}, no page ${page}`)
}

/** Values that {@link Backend.write} is given. @throws G3Error `backend/shape` */
export function checkValues({ label, rows, cols }: Buffer, values: Float32Array): void {
  const fits = values.length % cols === 0 && values.length <= rows * cols
  check(fits, 'backend/shape', () => `${label} holds ${rows} x ${cols} values: ${values.length} are no rows of it`)
}

/** @throws G3Error `backend/page` for bytes that are no page */
export function checkPageBytes({ spec: { label }, pageBytes }: CacheStore, { byteLength }: Uint8Array): void {
  check(
    byteLength === pageBytes,
    'backend/page',
    () => `a page of cache ${label} has ${pageBytes} bytes, not ${byteLength}`,
  )
}
