import type { ModelFacts } from '../model-facts.js'
import { decodeBytes, prefillMacs } from './model-work.js'
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

/** @param speed tokens a second */
export function rooflineOf(
  machine: MachineRates,
  { config, weightBytes }: Pick<ModelFacts, 'config' | 'weightBytes'>,
  run: { readonly prompt: number; readonly generate: number },
  speed: { readonly prefill: number; readonly decode: number },
): Roofline {
  const { readBytesPerSecond, macsPerSecond } = machine
  return {
    readBytesPerSecond: Math.round(readBytesPerSecond),
    macsPerSecond: Math.round(macsPerSecond),
    decodeFraction: fraction((decodeBytes(config, weightBytes, run) * speed.decode) / readBytesPerSecond),
    prefillFraction: fraction((prefillMacs(config, run.prompt) * speed.prefill) / macsPerSecond),
  }
}

/** Four digits after the point. */
const fraction = (value: number): number => Math.round(value * 1e4) / 1e4
