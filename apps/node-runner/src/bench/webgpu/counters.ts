import type { Counts } from '@g3/kernels-webgpu/test'

/** What one token of a decode loop asks of the GPU, on average, and what the model took to get there. */
export interface Counters {
  readonly dispatchesPerToken: number
  /** Whole ones: what belongs to no layer is less than one for each. */
  readonly dispatchesPerLayer: number
  readonly bindGroupsPerToken: number
  readonly buffersPerToken: number
  readonly writesPerToken: number
  readonly passesPerToken: number
  readonly submitsPerToken: number
  readonly readbackBytesPerToken: number
  /** That were made from the start on. */
  readonly pipelines: number
  /** Of the weights that its dispatches are bound to, which a product of one token reads once. */
  readonly weightBytesReadPerToken: number
  /** Uploaded while the model was loaded. */
  readonly weightBytesStored: number
}

/** How tables call them, in this order. */
export const COUNTER_NAMES: readonly (readonly [key: keyof Counters, name: string])[] = [
  ['dispatchesPerToken', 'dispatches'],
  ['dispatchesPerLayer', 'of a layer'],
  ['bindGroupsPerToken', 'bind groups'],
  ['buffersPerToken', 'buffers'],
  ['writesPerToken', 'writes'],
  ['passesPerToken', 'passes'],
  ['submitsPerToken', 'submissions'],
  ['readbackBytesPerToken', 'bytes read back'],
  ['weightBytesReadPerToken', 'bytes of weights read'],
  ['weightBytesStored', 'of so many'],
  ['pipelines', 'pipelines made'],
]

/** @param counts of `tokens` tokens */
export function countersOf(
  counts: Counts,
  { tokens, layers, pipelines, stored }: { tokens: number; layers: number; pipelines: number; stored: number },
): Counters {
  const each = (sum: number): number => Math.round((sum / tokens) * 100) / 100
  return {
    dispatchesPerToken: each(counts.dispatches),
    dispatchesPerLayer: Math.floor(counts.dispatches / tokens / layers),
    bindGroupsPerToken: each(counts.bindGroups),
    buffersPerToken: each(counts.buffers),
    writesPerToken: each(counts.writes),
    passesPerToken: each(counts.passes),
    submitsPerToken: each(counts.submits),
    readbackBytesPerToken: each(counts.readbackBytes),
    pipelines,
    weightBytesReadPerToken: each(counts.weightBytesRead),
    weightBytesStored: stored,
  }
}

/** What was done more. */
export const difference = (more: Counts, less: Counts): Counts => ({
  dispatches: more.dispatches - less.dispatches,
  bindGroups: more.bindGroups - less.bindGroups,
  buffers: more.buffers - less.buffers,
  bufferBytes: more.bufferBytes - less.bufferBytes,
  freedBytes: more.freedBytes - less.freedBytes,
  writes: more.writes - less.writes,
  writtenBytes: more.writtenBytes - less.writtenBytes,
  passes: more.passes - less.passes,
  submits: more.submits - less.submits,
  copiedBytes: more.copiedBytes - less.copiedBytes,
  readbackBytes: more.readbackBytes - less.readbackBytes,
  pipelines: more.pipelines - less.pipelines,
  weightBytesRead: more.weightBytesRead - less.weightBytesRead,
})
