import { check } from '@g3/backend'
import { TARGETS, checkTargets, type Target } from '../student/targets.js'

/** How a student learns. */
export interface TrainOptions {
  /** Of the adapters. Default 8. */
  readonly rank?: number
  /** B · A is multiplied by alpha / rank. Default twice the rank. */
  readonly alpha?: number
  /** Which matrices are adapted. Default all of {@link TARGETS}. */
  readonly targets?: readonly string[]
  /** Default 100. */
  readonly steps?: number
  /** The largest rate of learning. Default 2e-4. */
  readonly rate?: number
  /** Steps in which the rate rises. Default a tenth of all. */
  readonly warmup?: number
  /** Examples of a step. Default 8. */
  readonly batch?: number
  /** How much matrices decay, times the rate. Default 0. */
  readonly decay?: number
  /** Longer gradients are cut to this length. Default 1. */
  readonly clip?: number
  /** How much the divergence from the model without adapters counts. Default 0. */
  readonly leash?: number
  /** Default 0. */
  readonly seed?: number
  /** Steps between two judgements of the validation examples. Default a tenth of all. */
  readonly judgeEvery?: number
  /** Judgements without a better loss after which it stops early. Default: never. */
  readonly patience?: number
}

export interface TrainPlan extends Required<Omit<TrainOptions, 'targets' | 'patience'>> {
  readonly targets: readonly Target[]
  readonly patience: number
}

/** @throws G3Error `distill/bad-option` */
export function parsePlan(options: TrainOptions): TrainPlan {
  const { rank = 8, targets = TARGETS, steps = 100, batch = 8, seed = 0, patience = Infinity } = options
  const { rate = 2e-4, decay = 0, clip = 1, leash = 0, alpha = 2 * rank } = options
  const { warmup = Math.floor(steps / 10), judgeEvery = Math.max(1, Math.floor(steps / 10)) } = options
  const whole = {
    rank: [rank, 1, 1024],
    steps: [steps, 1, 1e6],
    batch: [batch, 1, 4096],
    seed: [seed, 0, 2 ** 32 - 1],
    warmup: [warmup, 0, steps],
    judgeEvery: [judgeEvery, 1, 1e6],
  }
  for (const [name, [value, least, most]] of Object.entries(whole)) {
    const fits = Number.isSafeInteger(value) && value >= least && value <= most
    check(fits, 'distill/bad-option', () => `${name} is ${value}; it must be a whole number from ${least} to ${most}`)
  }
  const real = {
    rate: [rate, 1e-9, 1],
    decay: [decay, 0, 1],
    clip: [clip, 1e-6, 1e6],
    leash: [leash, 0, 1e3],
    alpha: [alpha, 1e-3, 1e6],
  }
  for (const [name, [value, least, most]] of Object.entries(real)) {
    check(
      value >= least && value <= most,
      'distill/bad-option',
      () => `${name} is ${value}; it must be from ${least} to ${most}`,
    )
  }
  check(patience >= 1, 'distill/bad-option', () => `patience is ${patience}; it must be a judgement at least`)
  return {
    rank,
    alpha,
    targets: checkTargets(targets),
    steps,
    rate,
    warmup,
    batch,
    decay,
    clip,
    leash,
    seed,
    judgeEvery,
    patience,
  }
}
