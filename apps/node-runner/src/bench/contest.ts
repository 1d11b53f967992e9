import { startEngine, type Engine, type TurnOptions } from './engine.js'
import { labelOf, type EngineSpec } from './engine-spec.js'
import { failureOf, lineOf, type Failure } from './failure.js'
import type { Job, Round } from './protocol.js'
import type { GpuFacts } from './webgpu/gpu-facts.js'

/** What was measured of one engine. */
export interface Measured {
  readonly loadMs: number
  /** At least one. */
  readonly rounds: readonly Round[]
  readonly peakRssBytes: number
  /** Of an engine on WebGPU. */
  readonly gpu?: GpuFacts
}

/** What became of each engine: it is in one of the two, the main one in the first. */
export interface Outcome {
  readonly measured: ReadonlyMap<EngineSpec, Measured>
  readonly failures: ReadonlyMap<EngineSpec, Failure>
}

interface Contender {
  readonly spec: EngineSpec
  readonly engine: Engine
  readonly rounds: Round[]
}

export interface ContestOptions extends TurnOptions {
  /** Has a turn of its own after the engines' warm-up and after each of their turns. */
  readonly betweenTurns: () => Promise<void>
}

/**
 * Runs engines by turns, each in a process of its own, so that the machine's moods meet all alike: all are loaded, each
 * has a round to warm up, then `repeat` that count, the order turned round each time. A peer that fails is left out
 * from then on, and the others go on.
 * @param job what each is to do; a spec's own threads replace the job's
 * @throws what the main engine throws; the signal's reason
 */
export async function contest(
  main: EngineSpec,
  peers: readonly EngineSpec[],
  job: Omit<Job, 'engine' | 'packages'>,
  { repeat, log, betweenTurns, ...options }: ContestOptions,
): Promise<Outcome> {
  const contenders: Contender[] = []
  const failures = new Map<EngineSpec, Failure>()
  const attempt = async <T>(spec: EngineSpec, action: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await action()
    } catch (error) {
      if (spec === main) throw error
      options.signal.throwIfAborted()
      const failure = failureOf(error)
      failures.set(spec, failure)
      log(lineOf(failure))
      return undefined
    }
  }
  const start = (spec: EngineSpec): Promise<Engine> => {
    const threads = spec.threads ?? job.threads
    log(`${labelOf(spec)}: loading, ${threads} thread${threads === 1 ? '' : 's'}`)
    return startEngine({ ...job, engine: spec, threads }, options)
  }
  /** What a contender measures, unless it has failed; one that fails here is put away at once. */
  const ask = async <T>({ spec, engine }: Contender, question: (engine: Engine) => Promise<T>): Promise<T | undefined> => {
    if (failures.has(spec)) return undefined
    const answer = await attempt(spec, () => question(engine))
    if (failures.has(spec)) await engine[Symbol.asyncDispose]()
    return answer
  }

  try {
    for (const spec of [main, ...peers]) {
      const engine = await attempt(spec, () => start(spec))
      if (engine) contenders.push({ spec, engine, rounds: [] })
    }
    for (const contender of contenders) await ask(contender, (engine) => engine.round())
    await betweenTurns()
    for (let turn = 1; turn <= repeat; turn++) {
      for (const contender of turn % 2 === 1 ? contenders : contenders.toReversed()) {
        const round = await ask(contender, (engine) => engine.round())
        if (!round) continue
        contender.rounds.push(round)
        const speeds = `prefill ${round.prefill.toFixed(1)}, decode ${round.decode.toFixed(1)} tokens a second`
        log(`${turn}/${repeat} ${labelOf(contender.spec)}: ${speeds}`)
      }
      await betweenTurns()
    }
    const measured = new Map<EngineSpec, Measured>()
    for (const contender of contenders) {
      const { spec, engine, rounds } = contender
      const end = await ask(contender, async () => {
        const peakRssBytes = await engine.peakRssBytes()
        const gpu = await engine.gpu()
        return { peakRssBytes, ...(gpu && { gpu }) }
      })
      if (end !== undefined) measured.set(spec, { loadMs: engine.loadMs, rounds, ...end })
    }
    return { measured, failures }
  } finally {
    await Promise.all(contenders.map(({ engine }) => engine[Symbol.asyncDispose]()))
  }
}
