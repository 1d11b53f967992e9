import { availableParallelism } from 'node:os'
import { contest } from '../bench/contest.js'
import { labelOf, type EngineSpec } from '../bench/engine-spec.js'
import { readModelFacts } from '../bench/model-facts.js'
import { page, TERMINAL } from '../bench/page.js'
import { benchPrompt } from '../bench/prompt.js'
import { contestReport, median } from '../bench/report.js'
import { startProbe, type MachineRates } from '../bench/roofline/probe.js'
import { rooflineOf } from '../bench/roofline/roofline.js'
import { EXIT } from '../failure.js'
import { onInterrupt } from '../interrupt.js'
import { findModel } from '../loading.js'
import type { Precision } from '../options.js'
import { harmless, note, print, printJson } from '../output.js'

export interface BenchOptions {
  readonly model?: string
  readonly threads?: number
  readonly precision: Precision
  readonly simd: 'auto' | 'plain'
  readonly prompt: number
  readonly generate: number
  readonly repeat: number
  readonly peers?: readonly EngineSpec[]
  readonly json?: true
}

/**
 * `g3 bench`: prefill and decode, ours and others', by turns in one run. A peer that fails is named and left out, and
 * the exit code tells.
 */
export async function bench(options: BenchOptions): Promise<void> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const { path, name } = await findModel(options.model, signal)
  const facts = await readModelFacts(path, signal)
  const { prompt, generate, repeat, peers = [] } = options
  const threads = options.threads ?? availableParallelism()
  const main = mainEngine(options)

  await using probe = await startProbe(threads, signal)
  const machine: MachineRates[] = []
  const job = { model: path, threads, generate, ...benchPrompt(facts.tokenizer, prompt) }
  const outcome = await contest(main, peers, job, {
    repeat,
    signal,
    log: (line) => note(harmless(line)),
    betweenTurns: async () => {
      machine.push(await probe.measure())
    },
  })
  const speeds = contestReport(main, outcome)
  const roofline = rooflineOf(
    {
      readBytesPerSecond: median(machine.map(({ readBytesPerSecond }) => readBytesPerSecond)),
      macsPerSecond: median(machine.map(({ macsPerSecond }) => macsPerSecond)),
    },
    facts,
    { prompt, generate },
    { prefill: speeds.g3.prefill[1], decode: speeds.g3.decode[1] },
  )

  const report = { ...speeds, roofline }
  const about = { model: name, engine: labelOf(main), prompt, generate, threads, repeat }
  await (options.json ? printJson(report) : print(page(report, about, TERMINAL)))
  if (outcome.failures.size > 0) process.exitCode = EXIT.failed
}

function mainEngine({ precision, simd }: BenchOptions): EngineSpec {
  return { name: 'g3', ...(precision !== 'fast' && { precision }), ...(simd === 'plain' && { simd }) }
}
