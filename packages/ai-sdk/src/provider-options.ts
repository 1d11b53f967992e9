import type { JSONObject, SharedV4Warning } from '@ai-sdk/provider'
import type { GenerateOptions } from '@g3/runtime'
import type { ToolForm } from '@g3/runtime/tools'

/** What a call may say of g3 beside the AI SDK's own settings: `providerOptions: { g3: { minP: 0.05 } }`. */
export interface G3ProviderOptions extends Pick<
  GenerateOptions,
  'minP' | 'repetitionPenalty' | 'penaltyLast' | 'logitBias' | 'logprobs' | 'overflow' | 'keep'
> {
  /** How the model is told to write calls. Default `json`. */
  readonly toolForm?: ToolForm
  /** Most calls in one answer. Default 8. */
  readonly maxCalls?: number
  /** Shows long images in crops, too. */
  readonly panAndScan?: boolean
}

const KNOWN: readonly (keyof G3ProviderOptions)[] = [
  'minP',
  'repetitionPenalty',
  'penaltyLast',
  'logitBias',
  'logprobs',
  'overflow',
  'keep',
  'toolForm',
  'maxCalls',
  'panAndScan',
]

/** The options of a call. Values are checked by what takes them, names here. */
export function providerOptions(given: JSONObject | undefined, warnings: SharedV4Warning[]): G3ProviderOptions {
  const entries = Object.entries(given ?? {})
  for (const [name] of entries) {
    if (!isKnown(name)) warnings.push({ type: 'unsupported', feature: `providerOptions.g3.${name}` })
  }
  return trusted(Object.fromEntries(entries.filter(([name, value]) => isKnown(name) && value !== undefined)))
}

const isKnown = (name: string): boolean => KNOWN.some((known) => known === name)

function trusted<T>(value: unknown): T
function trusted(value: unknown): unknown {
  return value
}
