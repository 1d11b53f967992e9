import type { Gemma3Config } from '@g3/runtime'
import { decodeBytes, type RunLength } from '../roofline/model-work.js'

/** How near decoding comes to what an adapter's memory gives. */
export interface Bandwidth {
  readonly bytesPerSecond: number
  /** Whether the user gave it, or copies on the adapter reached it. */
  readonly source: 'given' | 'copy'
  /** Bytes that decoding reads a second, of these: all weights once a token, and the keys and values seen, in f32. */
  readonly decodeFraction: number
}

export function bandwidthOf(
  { bytesPerSecond, source }: Pick<Bandwidth, 'bytesPerSecond' | 'source'>,
  { config, weightBytes }: { readonly config: Gemma3Config; readonly weightBytes: number },
  run: RunLength & { readonly decode: number },
): Bandwidth {
  const bytes = decodeBytes(config, weightBytes, run, 'exact')
  return { bytesPerSecond, source, decodeFraction: Math.round(((bytes * run.decode) / bytesPerSecond) * 1e4) / 1e4 }
}
