import { check, PAGE, ropeFrequencies, type Ops } from '@g3/backend'
import { MAX_HEAD_DIM, type CacheForm } from '../caches.js'
import type { TemplateName } from '../shader/source.js'
import type { Values } from '../shader/template.js'
import type { Kit } from './kit.js'
import { vectorOf } from './rows.js'

/** Workers of a workgroup that has a head or a page. */
export const WORKERS = 128

export type Args<Op extends keyof Ops> = Parameters<Ops[Op]>[0]

/** What the templates that know a cache's form are filled in with. */
export const cacheValues = ({ type, headDim, per, parts, pageParts }: CacheForm): Values => ({
  Q8: type === 'q8_0',
  F16: type === 'f16',
  PER: per,
  VECS: per / 4,
  PARTS: parts,
  PAGE_PARTS: pageParts,
  SCALES_AT: PAGE * parts,
  BLOCKS: headDim / 32,
  ...headValues(headDim),
})

export const headValues = (headDim: number): Values => ({
  WORKERS,
  HEAD_DIM: headDim,
  HEAD_VECS: headDim / 4,
  PAIRS: headDim / 2,
  // 1 / headDim, as a WGSL f32
  MEAN: `(1.0 / ${headDim}.0)`,
  FREQUENCIES: 2 * headDim,
})

export const headsOf = (op: string, cols: number, headDim: number): number => {
  check(
    headDim % 4 === 0 && headDim <= MAX_HEAD_DIM,
    'backend/shape',
    () => `${op}: heads of ${headDim}; this backend takes multiples of 4 up to ${MAX_HEAD_DIM}`,
  )
  return cols / headDim
}

/** Norm weights of q and of k, then the frequencies. */
export function normsOf(kit: Kit, { qNorm, kNorm, headDim, rope }: Args<'qkNormRope'>): GPUBuffer {
  const [q, k] = [kit.weight(qNorm), kit.weight(kNorm)]
  vectorOf('qkNormRope', q)
  vectorOf('qkNormRope', k)
  const frequencies = new Float32Array(ropeFrequencies(headDim, rope.base, rope.scaling))
  return kit.constants(`norms ${q.name} ${k.name} ${rope.base} ${rope.scaling}`, [q, k, frequencies])
}

/** What norms and turns a head. */
export const ROTATION: readonly TemplateName[] = ['lib/total', 'lib/rope', 'lib/norm-rope']
/** What reads a cache of this form. */
export const cacheReaders = ({ type }: CacheForm): readonly TemplateName[] => [
  ...(type === 'q8_0' ? (['lib/bytes'] as const) : []),
  'lib/cache-read',
]
