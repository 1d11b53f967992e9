import { contest, type Outcome } from './contest.js'
import type { TurnOptions } from './engine.js'
import type { EngineSpec } from './engine-spec.js'
import { failureOf, lineOf, type Failure } from './failure.js'
import type { BackendName } from '@g3/runtime/auto'
import type { ModelFacts } from './gguf-facts.js'
import { benchPrompt } from './prompt.js'
import type { Job } from './protocol.js'
import { contestReport, type BenchReport } from './report.js'
import { startProbe, type MachineRates } from './roofline/probe.js'
import { rooflineOf } from './roofline/roofline.js'
import { median } from './spread.js'
import { bandwidthOf } from './webgpu/bandwidth.js'
import { study, type StudyPoint, type StudyResult } from './study.js'

/** What `g3 bench` is to measure. Lengths are in tokens. */
export interface BenchPlan {
  /** Path of the GGUF file. */
  readonly model: string
  readonly facts: ModelFacts
  readonly engine: EngineSpec
  readonly peers: readonly EngineSpec[]
  readonly backend: BackendName
  readonly threads: number
  readonly counters: boolean
  readonly perOp: boolean
  /** Bytes a second of the adapter's memory; measured where it is not known. */
  readonly bandwidth?: number
  readonly prompt: number
  readonly generate: number
  /** In rising order. */
  readonly contexts: readonly number[]
  /** In rising order. */
  readonly batches: readonly number[]
}

/**
 * Measures the engines by turns and the machine in between, then how the main engine decodes after other contexts and
 * several sequences. What fails beside the main engine's turns is named and left out.
 * @throws what the main engine throws in its turns; the signal's reason
 */
export async function measure(plan: BenchPlan, turns: TurnOptions): Promise<BenchReport> {
  const { facts, engine, prompt, generate, contexts, batches } = plan
  const { outcome, machine } = await takeTurns(plan, turns)
  const speeds = contestReport(engine, outcome)
  const run = { prompt, generate, prefill: speeds.g3.prefill[1], decode: speeds.g3.decode[1] }

  const copied = outcome.measured.get(engine)?.gpu?.copyBytesPerSecond
  const bandwidth =
    plan.bandwidth === undefined
      ? copied && ({ bytesPerSecond: copied, source: 'copy' } as const)
      : ({ bytesPerSecond: plan.bandwidth, source: 'given' } as const)

  const failures: Record<string, Failure> = { ...speeds.failures }
  const decodeAt = async (name: string, points: readonly StudyPoint[]): Promise<StudyResult[]> => {
    if (points.length === 0) return []
    const length = Math.max(...points.map(({ context }) => context))
    const sequences = Math.max(...points.map(({ batch }) => batch))
    try {
      return await study({ ...jobOf(plan, length), engine, sequences }, points, turns)
    } catch (error) {
      turns.signal.throwIfAborted()
      failures[name] = failureOf(error)
      turns.log(lineOf(failures[name]))
      return []
    }
  }
  const afterContexts = await decodeAt(
    '--context',
    contexts.map((context) => ({ batch: 1, context })),
  )
  const inBatches = await decodeAt(
    '--batch',
    batches.map((batch) => ({ batch, context: prompt })),
  )
  return {
    ...speeds,
    failures,
    ...(machine && { roofline: rooflineOf(machine, facts, { ...run, precision: engine.precision ?? 'fast' }) }),
    ...(bandwidth && { bandwidth: bandwidthOf(bandwidth, facts, run) }),
    byContext: afterContexts.map(({ context, decode }) => ({ context, decode })),
    byBatch: inBatches.map(({ batch, decode }) => ({ batch, tokensPerSecond: decode })),
  }
}

/** The engines' turns, and the medians of what the machine did between them where the CPU is what counts. */
async function takeTurns(
  plan: BenchPlan,
  turns: TurnOptions,
): Promise<{ readonly outcome: Outcome; readonly machine?: MachineRates }> {
  const job = jobOf(plan, plan.prompt)
  const { engine, peers } = plan
  if (plan.backend === 'webgpu') {
    return { outcome: await contest(engine, peers, job, { ...turns, betweenTurns: async () => {} }) }
  }
  await using probe = await startProbe(plan.threads, turns.signal)
  const rates: MachineRates[] = []
  const outcome = await contest(engine, peers, job, {
    ...turns,
    betweenTurns: async () => {
      rates.push(await probe.measure())
    },
  })
  const machine = {
    readBytesPerSecond: median(rates.map(({ readBytesPerSecond }) => readBytesPerSecond)),
    macsPerSecond: median(rates.map(({ macsPerSecond }) => macsPerSecond)),
  }
  return { outcome, machine }
}

/** One sequence after a prompt of `length` tokens. */
const jobOf = (
  { model, facts, backend, threads, generate, counters, perOp, bandwidth }: BenchPlan,
  length: number,
): Omit<Job, 'engine' | 'packages'> => ({
  model,
  backend,
  threads,
  generate,
  sequences: 1,
  gpu: { counters, perOp, copyRate: bandwidth === undefined },
  ...benchPrompt(facts.tokenizer, length),
})
