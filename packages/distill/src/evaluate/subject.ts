import { check } from '@g3/backend'
import type { Model } from '@g3/runtime'

/** What an evaluation needs of a model. */
export type Subject = Pick<Model, 'encode' | 'scores' | 'generate' | 'context' | 'config' | 'tokenizer'>

export interface EvaluateOptions {
  readonly signal?: AbortSignal | undefined
  /** Items or texts that are done, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** @throws G3Error `evaluate/bad-option` */
export function checkCount(name: string, value: number, least: number, most: number): void {
  const fits = Number.isSafeInteger(value) && value >= least && value <= most
  check(fits, 'evaluate/bad-option', () => `${name} is ${value}; it must be a whole number from ${least} to ${most}`)
}

/** @throws G3Error `evaluate/nothing` */
export const checkAny = (count: number, what: string): void =>
  check(count > 0, 'evaluate/nothing', () => `there is nothing to measure: no ${what}; give a file that has some`)
