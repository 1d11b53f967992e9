import { estimate, GEMMA3_12B, GEMMA3_1B, GEMMA3_270M, GEMMA3_27B, GEMMA3_4B, type Gemma3Config } from '@g3/runtime'
import { autoFootprint } from '@g3/runtime/auto'
import type { QuantType } from '@g3/backend'

/** What a model of the list will take, known before anything is fetched. */
export interface Fit {
  readonly peakBytes: number
  /** Of this device, as far as browsers tell: they name 8 GiB at most. */
  readonly deviceBytes: number | undefined
  readonly verdict: 'fits' | 'tight' | 'too-large' | 'unknown'
}

const CONFIGS: Readonly<Record<string, readonly [Gemma3Config, QuantType]>> = {
  'gemma-3-270m-it': [GEMMA3_270M, 'Q8_0'],
  'gemma-3-270m': [GEMMA3_270M, 'Q8_0'],
  'gemma-3-1b-it': [GEMMA3_1B, 'Q4_0'],
  'gemma-3-4b-it': [GEMMA3_4B, 'Q4_0'],
  'gemma-3-12b-it': [GEMMA3_12B, 'Q4_0'],
  'gemma-3-27b-it': [GEMMA3_27B, 'Q4_0'],
}

/** The context that the site loads models with. */
const CONTEXT = 8192

/** A page gets about half of the memory before the system pushes back. */
const SHARE = 0.5
/** What many browsers say when there is so much or more. */
const MOST_TOLD = 8 * 2 ** 30

/**
 * Fits of the models in the list, by their names. A Q4_K_M file holds matrices in several types; none of them stands for all, so the
 * file's own size counts where it is the larger.
 */
export async function fits(
  models: readonly { readonly id: string; readonly bytes: number }[],
): Promise<Map<string, Fit>> {
  const footprint = await autoFootprint()
  const deviceBytes = deviceMemory()
  return new Map(
    models.flatMap(({ id, bytes }) => {
      const plan = CONFIGS[id]
      if (plan === undefined) return []
      const [config, type] = plan
      const { peakBytes, weightsBytes } = estimate({ config, type, context: CONTEXT, footprint })
      const peak = peakBytes - weightsBytes + Math.max(weightsBytes, bytes)
      return [[id, { peakBytes: peak, deviceBytes, verdict: verdictOf(peak, deviceBytes) }] as const]
    }),
  )
}

export function verdictOf(peakBytes: number, deviceBytes: number | undefined): Fit['verdict'] {
  if (deviceBytes === undefined) return 'unknown'
  if (peakBytes <= deviceBytes * SHARE) return 'fits'
  // A device that says 8 GiB may have 64.
  if (deviceBytes >= MOST_TOLD) return peakBytes <= deviceBytes ? 'tight' : 'unknown'
  return peakBytes <= deviceBytes ? 'tight' : 'too-large'
}

/** GiB that the browser tells, if it does. */
function deviceMemory(): number | undefined {
  const told = 'deviceMemory' in navigator ? navigator.deviceMemory : undefined
  return typeof told === 'number' ? told * 2 ** 30 : undefined
}
