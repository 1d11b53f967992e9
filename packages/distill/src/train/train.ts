import { check } from '@g3/backend'
import { random } from '../random.js'
import { fitting, type Example } from '../student/rows.js'
import type { Student } from '../student/student.js'
import { adam, lengthOf, rateAt } from './adam.js'
import type { TrainPlan } from './plan.js'
import { newState, restoreState, saveState, type TrainState } from './state.js'

/** One step that was made. */
export interface StepReport {
  readonly step: number
  readonly steps: number
  /** Mean over what was wanted, in nats. */
  readonly loss: number
  /** Mean divergence from the model without adapters; where there is a leash. */
  readonly divergence?: number
  /** The same loss of the validation examples, where they were judged. */
  readonly validation?: number
  readonly rate: number
  /** Length of the gradients, before it was cut. */
  readonly gradient: number
  readonly milliseconds: number
}

export interface TrainHost {
  readonly signal?: AbortSignal | undefined
  /** A checkpoint to go on from. */
  readonly checkpoint?: Uint8Array | undefined
  /** Names the data and the model: a checkpoint of others is refused. */
  readonly mark: string
  /** Rows of a step of the student's. */
  readonly rows: number
  /** Steps between two checkpoints. Default 10. */
  readonly saveEvery?: number
  /** Keeps a checkpoint; whoever stops in between finds the one before. */
  save?(checkpoint: Uint8Array): Promise<void>
  onStep?(report: StepReport): void | Promise<void>
}

export interface TrainResult {
  readonly steps: number
  /** Of the last step. */
  readonly loss: number
  /** Of the best judgement, whose values the student has then. */
  readonly validation?: number
  readonly stoppedEarly: boolean
}

/**
 * Teaches a student, whose matrices hold what was learned afterwards. The same seed, data and options give the same bits, on any number
 * of threads, with or without a stop in between.
 * @throws G3Error `distill/not-finite` for a loss that is no number: the last checkpoint is from before it; `distill/too-long`; as
 * {@link restoreState}; what `save` throws; the signal's reason, after a checkpoint of what is done
 */
export async function train(
  taught: Student,
  examples: readonly Example[],
  validation: readonly Example[],
  plan: TrainPlan,
  host: TrainHost,
): Promise<TrainResult> {
  check(examples.length > 0, 'distill/bad-data', 'there are no examples to learn from')
  const { signal, rows, saveEvery = 10 } = host
  const { parameters } = taught
  const { all } = parameters
  const mark = `${host.mark} ${JSON.stringify(plan)} ${examples.length} ${validation.length}`
  const state: TrainState = host.checkpoint ? await restoreState(all, host.checkpoint, mark) : newState(all)
  await parameters.write()
  await parameters.clear()
  const save = async (): Promise<void> => host.save?.(saveState(all, state, mark))
  const isEnough = (): boolean => state.stale >= plan.patience

  let loss = NaN
  let saved = state.step
  while (state.step < plan.steps && !isEnough()) {
    if (signal?.aborted) {
      if (saved < state.step) await save()
      signal.throwIfAborted()
    }
    const start = performance.now()
    const step = state.step + 1
    const chosen = batchOf(examples, state.step, plan)
    const found = await overAll(chosen, rows, plan.leash, (part, leash) => taught.learn(part, leash))
    const grads = await parameters.gradients()
    await parameters.clear()
    const gradient = lengthOf(grads)
    check(
      Number.isFinite(found.loss) && Number.isFinite(gradient),
      'distill/not-finite',
      () =>
        `the loss of step ${step} is ${found.loss}, the gradient's length ${gradient}: lower the rate; what was learned before is kept`,
    )
    const rate = rateAt(step, plan)
    const factor = gradient > plan.clip ? plan.clip / gradient : 1
    for (const [n, { values }] of all.entries())
      adam(values, grads[n], state.moments[n], { step, rate, decay: plan.decay, factor })
    await parameters.write()
    state.step = step
    loss = found.loss
    const isJudged = validation.length > 0 && (step % plan.judgeEvery === 0 || step === plan.steps)
    const judged = isJudged ? await judge(taught, validation, rows, state) : undefined
    await host.onStep?.({
      step,
      steps: plan.steps,
      loss,
      ...(plan.leash > 0 && { divergence: found.divergence }),
      ...(judged !== undefined && { validation: judged }),
      rate,
      gradient,
      milliseconds: performance.now() - start,
    })
    if (step % saveEvery === 0 || step === plan.steps) {
      await save()
      saved = step
    }
  }
  if (state.best) {
    for (const [n, { values }] of all.entries()) values.set(state.best.values[n])
    await parameters.write()
  }
  return {
    steps: state.step,
    loss,
    ...(state.best && { validation: state.best.loss }),
    stoppedEarly: state.step < plan.steps,
  }
}

/** The examples of a step: the next of a shuffle of all, a new one for each round. */
export function batchOf(
  examples: readonly Example[],
  step: number,
  { batch, seed }: Pick<TrainPlan, 'batch' | 'seed'>,
): readonly Example[] {
  const order = new Map<number, Int32Array>()
  const shuffled = (round: number): Int32Array => {
    const known = order.get(round)
    if (known) return known
    const places = Int32Array.from(examples.keys())
    random(Math.imul(seed + 1, 0x9e3779b1) + round).shuffle(places)
    order.set(round, places)
    return places
  }
  return Array.from({ length: batch }, (_, n) => {
    const at = step * batch + n
    return examples[shuffled(Math.floor(at / examples.length))[at % examples.length]]
  })
}

interface Means {
  readonly loss: number
  readonly divergence: number
}

/** Runs examples, as many together as fit, with weights that make the sums means over all of them. */
async function overAll(
  examples: readonly Example[],
  rows: number,
  leash: number,
  run: (part: readonly Example[], leash: number) => Promise<Means>,
): Promise<Means> {
  const wanted = examples.flatMap((example) => example.wanted)
  const total = wanted.reduce((sum, { weights }) => sum + Array.from(weights).reduce((a, b) => a + b, 0), 0)
  const scaled = examples.map((example) => ({
    ...example,
    wanted: example.wanted.map((each) => ({ ...each, weights: Array.from(each.weights, (weight) => weight / total) })),
  }))
  let [loss, divergence] = [0, 0]
  for (let from = 0; from < scaled.length;) {
    const count = fitting(scaled, from, rows)
    const found = await run(scaled.slice(from, from + count), leash / wanted.length)
    loss += found.loss
    divergence += found.divergence
    from += count
  }
  return { loss, divergence: divergence / wanted.length }
}

async function judge(
  taught: Student,
  validation: readonly Example[],
  rows: number,
  state: TrainState,
): Promise<number> {
  const { loss } = await overAll(validation, rows, 0, (part) => taught.judge(part, 0))
  if (loss < (state.best?.loss ?? Infinity)) {
    state.best = { loss, values: taught.parameters.all.map(({ values }) => values.slice()) }
    state.stale = 0
  } else state.stale++
  return loss
}
