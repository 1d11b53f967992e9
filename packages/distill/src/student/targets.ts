import { check } from '@g3/backend'
import type { Gemma3Config } from '@g3/runtime'

/** Matrices of a layer that can be adapted, as GGUF names them. */
export const TARGETS = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'] as const
export type Target = (typeof TARGETS)[number]

export interface MatrixShape {
  /** Of its result. */
  readonly outs: number
  /** Of its operand. */
  readonly cols: number
}

export function targetShape(target: Target, { width, ffn, heads, kvHeads, headDim }: Gemma3Config): MatrixShape {
  switch (target) {
    case 'attn_q':
      return { outs: heads * headDim, cols: width }
    case 'attn_k':
    case 'attn_v':
      return { outs: kvHeads * headDim, cols: width }
    case 'attn_output':
      return { outs: width, cols: heads * headDim }
    case 'ffn_gate':
    case 'ffn_up':
      return { outs: ffn, cols: width }
    case 'ffn_down':
      return { outs: width, cols: ffn }
    default:
      return target satisfies never
  }
}

/** The model's name of a layer's matrix. */
export const tensorName = (layer: number, target: Target): string => `blk.${layer}.${target}.weight`

/** @throws G3Error `distill/bad-option` */
export function checkTargets(names: readonly string[]): readonly Target[] {
  const found = TARGETS.filter((target) => names.includes(target))
  const isKnown = names.length > 0 && found.length === names.length
  check(
    isKnown,
    'distill/bad-option',
    () => `targets are ${names.join(', ')}; take some of ${TARGETS.join(', ')}, each once`,
  )
  return found
}
