import type { QuantType, Workload, Footprint } from '@g3/backend'
import { cacheBytes, type CacheBytes, type CacheType } from '@g3/kv-cache'
import {
  estimate,
  GEMMA3_12B,
  GEMMA3_1B,
  GEMMA3_270M,
  GEMMA3_27B,
  GEMMA3_4B,
  type Estimate,
  type Gemma3Config,
} from '@g3/runtime'

export const SIZES = {
  '270M': GEMMA3_270M,
  '1B': GEMMA3_1B,
  '4B': GEMMA3_4B,
  '12B': GEMMA3_12B,
  '27B': GEMMA3_27B,
} as const
export type SizeName = keyof typeof SIZES

/** Types whose blocks fill the rows of every size. */
export const WEIGHT_TYPES = {
  Q4_0: '4 bits (Q4_0)',
  Q5_0: '5 bits (Q5_0)',
  Q8_0: '8 bits (Q8_0)',
  BF16: '16 bits (BF16)',
} as const satisfies Partial<Record<QuantType, string>>
export type WeightType = keyof typeof WEIGHT_TYPES

export const CACHE_TYPES: Readonly<Record<CacheType, string>> = {
  f16: '16 bits',
  q8_0: '8 bits (q8_0)',
  f32: '32 bits',
}

export interface Wish {
  readonly size: SizeName
  readonly type: WeightType
  readonly cacheType: CacheType
  readonly context: number
}

export interface Plan {
  readonly estimate: Estimate
  /** The same model if every layer saw all positions. */
  readonly allGlobal: Estimate
  readonly config: Gemma3Config
}

/** The model without windows: what its caches would take if no layer were local. */
export const withoutWindows = (config: Gemma3Config): Gemma3Config => ({ ...config, window: undefined, pattern: 1 })

/** @throws G3Error as `estimate` */
export function plan({ size, type, cacheType, context }: Wish, footprint: (workload: Workload) => Footprint): Plan {
  const config: Gemma3Config = SIZES[size]
  const common = { type, context: Math.min(context, config.context), cacheType, footprint }
  return {
    config,
    estimate: estimate({ ...common, config }),
    allGlobal: estimate({ ...common, config: withoutWindows(config) }),
  }
}

/** Context lengths for a slider: doubling from 1024 to what the model was trained for. */
export function contexts({ context }: Gemma3Config): readonly number[] {
  const all: number[] = []
  for (let length = 1024; length <= context; length *= 2) all.push(length)
  return all
}

export interface Growth {
  /** Positions of the text. */
  readonly lengths: readonly number[]
  /** Bytes of its keys and values. */
  readonly cache: readonly number[]
  readonly allGlobal: readonly number[]
}

/** How the caches grow with the text, at `points` lengths up to the context. */
export function growth({ size, cacheType, context }: Wish, points = 65): Growth {
  const config: Gemma3Config = SIZES[size]
  const most = Math.min(context, config.context)
  const lengths = Array.from({ length: points }, (_, n) => Math.max(1, Math.round((most * n) / (points - 1))))
  const types = { local: cacheType, global: cacheType }
  const bytes = (of: Gemma3Config) => (length: number) => sum(cacheBytes(of, { context: length, types }))
  return { lengths, cache: lengths.map(bytes(config)), allGlobal: lengths.map(bytes(withoutWindows(config))) }
}

const sum = ({ localBytes, globalBytes }: CacheBytes): number => localBytes + globalBytes
