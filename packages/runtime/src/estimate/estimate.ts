import { check, PAGE, type Footprint, type Workload } from '@g3/backend'
import { cacheBytes, type CacheBytes } from '@g3/kv-cache'
import { parseContext } from '../generate/load.js'
import { tensorNamed, type Gguf } from '../gguf/index.js'
import { encoderWorkload } from '../model/encoder-workload.js'
import { towerConfigFromGguf } from '../tower-config.js'
import { sizeOf, type SizeOptions } from '../model/size.js'
import { workloadOf } from '../model/workload.js'
import { hostBytes } from './host.js'
import { plannedModel, type ModelPlan } from './planned-model.js'

/** Soft tokens of an image: positions of the context that it takes. */
const IMAGE_TOKENS = 256

export type EstimateOptions = ModelPlan &
  Omit<SizeOptions, 'checkpoints'> & {
    /** What the backend takes for a workload, e.g. `cpuFootprint` of `@g3/kernels-cpu`. */
    readonly footprint: (workload: Workload) => Footprint
    /** Images in each text. Default 0. */
    readonly images?: number
    /** The image encoder's file, by its header: its weights and what it computes in are counted. Default: none is loaded. */
    readonly mmproj?: Gguf
    /** Bytes of an image encoder that is loaded elsewhere, too. */
    readonly visionBytes?: number
    /** Memory that there is. Default: any. */
    readonly budgetBytes?: number
  }

/** Bytes of memory. */
export interface Estimate {
  /** Positions of each text. */
  readonly context: number
  readonly weightsBytes: number
  /** Keys and values of full texts: all positions in global layers, the window in local ones. */
  readonly cache: CacheBytes
  /**
   * All else: what caches hold beyond that (whole pages, slack, room for a step, scales), activations, threads, the
   * tokenizer, the program itself.
   */
  readonly scratchBytes: number
  /** The sum: what a process grows by until its texts are full. */
  readonly peakBytes: number
  /** What a checkpoint can add while it keeps a window that no open text holds. Not in the peak. */
  readonly checkpointBytes: number
  /** Largest context, a multiple of 128, whose peak is within the budget; 0 when there is none. */
  readonly maxContextForBudget: number
}

/**
 * What a model will take, from its header or configuration alone. Texts are as long as the context and share nothing;
 * shorter ones take less, since memory is used page by page.
 * @throws G3Error `model/bad-option`, `generate/bad-context`, `estimate/bad-option`, `estimate/bad-type`, `gguf/…`,
 * `vision/bad-config`, `kv-cache/size` for heads that a cache type cannot hold, and what `footprint` throws
 */
export function estimate(options: EstimateOptions): Estimate {
  const { config, tensors } = plannedModel(options)
  const { images = 0, visionBytes = 0, budgetBytes = Infinity } = options
  const context = parseContext(options.context, config.context)
  check(
    Number.isInteger(images) && images >= 0 && images * IMAGE_TOKENS <= context,
    'estimate/bad-option',
    () => `images is ${images}; each takes ${IMAGE_TOKENS} positions of a context of ${context}`,
  )
  for (const [name, value] of Object.entries({ visionBytes, budgetBytes })) {
    check(value >= 0, 'estimate/bad-option', () => `${name} is ${value}; it must be a number from 0 on`)
  }

  const { mmproj } = options
  const encoder = mmproj && encoderWorkload(towerConfigFromGguf(mmproj), (name) => tensorNamed(mmproj, name))

  const at = (length: number): Omit<Estimate, 'maxContextForBudget'> => {
    const size = sizeOf({ ...options, context: length }, config, 'f16')
    const softTokens = { rows: size.sequences * images * IMAGE_TOKENS, cols: config.width }
    const more = { ...encoder, buffers: [...(encoder?.buffers ?? []), ...(images > 0 ? [softTokens] : [])] }
    const work = (checkpoints: number): Workload => workloadOf(config, tensors, { ...size, checkpoints }, more)
    const held = options.footprint(work(0))
    const another = options.footprint(work(1))
    const cache = cacheBytes(config, size)
    const weightsBytes = held.weightsBytes + visionBytes
    const peakBytes = weightsBytes + held.cacheBytes + held.scratchBytes + hostBytes(config.vocab)
    return {
      context: length,
      weightsBytes,
      cache,
      scratchBytes: peakBytes - weightsBytes - cache.localBytes - cache.globalBytes,
      peakBytes,
      checkpointBytes: another.cacheBytes - held.cacheBytes,
    }
  }
  const mostPages = Math.floor(config.context / PAGE)
  const pages = mostThat(mostPages, (count) => at(count * PAGE).peakBytes <= budgetBytes)
  return { ...at(context), maxContextForBudget: pages * PAGE }
}

/** The largest count from 1 to `most` that fits, where all below it fit, too; 0 when none does. */
function mostThat(most: number, fits: (count: number) => boolean): number {
  let low = 0
  let high = most
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle - 1
  }
  return low
}
