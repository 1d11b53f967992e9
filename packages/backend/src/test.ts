import { loraOps } from './conformance/adapters.js'
import { attentionOps } from './conformance/attention.js'
import { behaviour } from './conformance/behaviour.js'
import type { ConformanceOptions, TestRunner } from './conformance/harness.js'
import { layerPrograms } from './conformance/layers.js'
import { pages } from './conformance/pages.js'
import { productOps } from './conformance/products.js'
import { rowOps } from './conformance/rows.js'
import { drawOp } from './conformance/draws.js'
import { logitOps } from './conformance/logits.js'
import { topOp } from './conformance/tops.js'
import { imageOps } from './conformance/images.js'
import { trainOps } from './conformance/training.js'
import { CACHE_TYPES, type Backend } from './contract.js'
import { BLOCKS, type QuantType } from './quant.js'
import type { VisionBackend } from './vision-ops.js'

export type { ConformanceOptions, TestRunner, Tolerances } from './conformance/harness.js'
export { quantise } from './conformance/quantise.js'
export { random, type Random } from './conformance/random.js'
export { tensor } from './conformance/tensor.js'
export { viewOf, type TextRows } from './conformance/views.js'

/**
 * Tests that a backend keeps the contract, by comparing every op with `reference()` and trying what must be refused.
 * Works with any runner that has `describe` and `it`; each test makes a backend and disposes it.
 *
 * @example conformance(() => cpu({ threads: 2 }), { describe, it }, { tolerances, batchInvariant: true })
 */
export function conformance(
  makeBackend: () => Backend | Promise<Backend>,
  { describe, it }: TestRunner,
  options: ConformanceOptions,
): void {
  const types = options.types ?? (Object.keys(BLOCKS) as QuantType[])
  const cacheTypes = options.cacheTypes ?? CACHE_TYPES
  const suite = { describe, it, options, types, cacheTypes, make: async () => makeBackend() }
  behaviour(suite)
  rowOps(suite)
  productOps(suite)
  attentionOps(suite)
  pages(suite)
  topOp(suite)
  drawOp(suite)
  layerPrograms(suite)
}

/** Tests the ops of logits of a backend that has them, in the same way. */
export function logitConformance(
  makeBackend: () => Backend | Promise<Backend>,
  { describe, it }: TestRunner,
  { tolerances }: Pick<ConformanceOptions, 'tolerances'>,
): void {
  logitOps({ describe, it, tolerances, make: async () => makeBackend() })
}

/** Tests the ops of images of a backend that has them, in the same way. */
export function visionConformance(
  makeBackend: () => VisionBackend | Promise<VisionBackend>,
  { describe, it }: TestRunner,
  options: ConformanceOptions,
): void {
  const types = options.types ?? ['F32', 'F16', 'BF16', 'Q8_0']
  imageOps({ describe, it, types, tolerances: options.tolerances, make: async () => makeBackend() })
}

/** Tests the ops of adapters of a backend that has them, in the same way. */
export function loraConformance(
  makeBackend: () => Backend | Promise<Backend>,
  { describe, it }: TestRunner,
  { tolerances, types = ['F32', 'F16', 'Q8_0'] }: Pick<ConformanceOptions, 'tolerances' | 'types'>,
): void {
  loraOps({ describe, it, types, tolerances, make: async () => makeBackend() })
}

/** Tests the ops of learning of a backend that has them, in the same way. @param makeOther the same on other threads, with the same bits */
export function trainConformance(
  makeBackend: () => Backend | Promise<Backend>,
  { describe, it }: TestRunner,
  {
    tolerance,
    types = ['F32', 'F16', 'Q8_0'],
    makeOther,
  }: { tolerance: number; types?: readonly QuantType[]; makeOther?: () => Promise<Backend> },
): void {
  trainOps({ describe, it, types, tolerance, make: async () => makeBackend(), makeOther })
}
