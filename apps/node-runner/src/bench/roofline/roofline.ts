import type { Precision } from '../../options.js'
import type { ModelFacts } from '../gguf-facts.js'
import { decodeBytes, prefillMacs, type RunLength } from './model-work.js'
import type { MachineRates } from './probe.js'

/** How near to the machine's limits a model runs. */
export interface Roofline extends MachineRates {
  /**
   * Bytes that decoding reads a second (`decodeBytes` times tokens) of `readBytesPerSecond`. Above 1 when not all of
   * the weights are read for each token.
   */
  readonly decodeFraction: number
  /** Multiply-accumulates of prefill a second (`prefillMacs` times tokens) of `macsPerSecond`. */
  readonly prefillFraction: number
}

/** What a model did on a machine. */
export interface ModelRun extends RunLength {
  readonly precision: Precision
  /** Tokens a second. */
  readonly prefill: number
  readonly decode: number
}

export function rooflineOf(
  machine: MachineRates,
  { config, weightBytes }: Pick<ModelFacts, 'config' | 'weightBytes'>,
  run: ModelRun,
): Roofline {
  const { readBytesPerSecond, macsPerSecond } = machine
  return {
    readBytesPerSecond: Math.round(readBytesPerSecond),
    macsPerSecond: Math.round(macsPerSecond),
    decodeFraction: fraction((decodeBytes(config, weightBytes, run, run.precision) * run.decode) / readBytesPerSecond),
    prefillFraction: fraction((prefillMacs(config, run.prompt) * run.prefill) / macsPerSecond),
  }
}

/** Four digits after the point. */
const fraction = (value: number): number => Math.round(value * 1e4) / 1e4
