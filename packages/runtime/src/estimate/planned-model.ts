import { BLOCKS, check, type QuantType, type Workload } from '@g3/backend'
import { configFromGguf, expectedTensors, type Gemma3Config } from '../config.js'
import { tensorNamed, type Gguf } from '../gguf/index.js'

/** A model by its file's header, or by its configuration and the type that its matrices are to have. */
export type ModelPlan =
  | { readonly gguf: Gguf; readonly config?: undefined }
  | { readonly config: Gemma3Config; readonly type: QuantType; readonly gguf?: undefined }

export interface PlannedModel {
  readonly config: Gemma3Config
  readonly tensors: Workload['tensors']
}

/**
 * The tensors as a backend would load them.
 * @throws G3Error `gguf/…` as {@link configFromGguf} and {@link tensorNamed}; `estimate/bad-type` for a type that no
 * backend holds, or whose blocks do not fill a matrix's rows
 */
export function plannedModel(plan: ModelPlan): PlannedModel {
  const { gguf } = plan
  if (gguf !== undefined) {
    const config = configFromGguf(gguf)
    return { config, tensors: Array.from(expectedTensors(config), ([name]) => tensorNamed(gguf, name)) }
  }
  const { config, type } = plan
  check(Object.hasOwn(BLOCKS, type), 'estimate/bad-type', () => `there is no type ${type} of weights`)
  const { blockWeights } = BLOCKS[type]
  const tensors = Array.from(expectedTensors(config), ([name, [cols, rows = 1]]) => {
    // Vectors are norm weights, which no file packs.
    if (rows === 1) return { type: 'F32', rows, cols } as const
    const isWhole = cols % blockWeights === 0
    check(isWhole, 'estimate/bad-type', () => `${name} has rows of ${cols}; ${type} needs multiples of ${blockWeights}`)
    return { type, rows, cols }
  })
  return { config, tensors }
}
