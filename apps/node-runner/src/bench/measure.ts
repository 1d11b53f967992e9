import { contest, type Outcome } from './contest.js'
import type { TurnOptions } from './engine.js'
import type { EngineSpec } from './engine-spec.js'
import { failureOf, lineOf, type Failure } from './failure.js'
import type { ModelFacts } from './model-facts.js'
import { benchPrompt } from './prompt.js'
import type { Job } from './protocol.js'
import { contestReport, median, type BenchReport } from './report.js'
import { startProbe, type MachineRates } from './roofline/probe.js'
import { rooflineOf } from './roofline/roofline.js'
import { study, type StudyPoint, type StudyResult } from './study.js'

/** What `g3 bench` is to measure. Lengths are in tokens. */
export interface BenchPlan {
  /** Path of the GGUF file. */
  readonly model: string
  readonly facts: ModelFacts
  readonly engine: EngineSpec
  readonly peers: readonly EngineSpec[]
  readonly threads: number
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
  const run = {
    prompt,
    generate,
    precision: engine.precision ?? 'fast',
    prefill: speeds.g3.prefill[1],
    decode: speeds.g3.decode[1],
  }

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
    roofline: rooflineOf(machine, facts, run),
    byContext: afterContexts.map(({ context, decode }) => ({ context, decode })),
    byBatch: inBatches.map(({ batch, decode }) => ({ batch, tokensPerSecond: decode })),
  }
}

/** The engines' turns, and the medians of what the machine did between them. */
async function takeTurns(
  plan: BenchPlan,
  turns: TurnOptions,
): Promise<{ readonly outcome: Outcome; readonly machine: MachineRates }> {
  await using probe = await startProbe(plan.threads, turns.signal)
  const rates: MachineRates[] = []
  const outcome = await contest(plan.engine, plan.peers, jobOf(plan, plan.prompt), {
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
const jobOf = ({ model, facts, threads, generate }: BenchPlan, length: number): Omit<Job, 'engine' | 'packages'> => ({
  model,
  threads,
  generate,
  sequences: 1,
  ...benchPrompt(facts.tokenizer, length),
})
