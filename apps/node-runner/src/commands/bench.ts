import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEngine, type EngineProcess } from '../bench/engine-process.js'
import { parsePeers, peerProgram } from '../bench/peers.js'
import { benchPrompt } from '../bench/prompt.js'
import type { RoundTimes } from '../bench/protocol.js'
import { onInterrupt } from '../interrupt.js'
import { findModel } from '../loading.js'
import { note, print, printJson } from '../output.js'
import { table } from '../table.js'
import { openTokenizer } from './tokenize.js'

export interface BenchOptions {
  readonly model?: string
  readonly threads?: number
  readonly prompt: number
  readonly generate: number
  readonly repeat: number
  readonly peers?: readonly string[]
  readonly json?: true
}

/** Least, median, most. */
type Spread = readonly [number, number, number]

interface Figures {
  readonly loadMs: number
  /** Tokens a second: prompt tokens by the time to the first token. */
  readonly prefill: Spread
  /** Tokens a second: tokens after the first by their time. */
  readonly decode: Spread
  readonly peakRssBytes: number
}

const OWN_ENGINE = join(dirname(fileURLToPath(import.meta.url)), 'g3-engine.js')

/** `g3 bench`: rounds of prefill and decode, taken in turns with other engines, each in a process of its own. */
export async function bench(options: BenchOptions): Promise<void> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const peers = parsePeers(options.peers ?? []).map((name) => ({ name, program: peerProgram(name) }))
  const { path, name } = await findModel(options.model, signal)
  const prompt = benchPrompt(await openTokenizer(path, signal), options.prompt)
  const setup = { modelPath: path, threads: options.threads, generate: options.generate, ...prompt }

  using engines = new DisposableStack()
  const started: EngineProcess[] = []
  for (const engine of [{ name: 'g3', program: OWN_ENGINE }, ...peers]) {
    const running = engines.use(await startEngine(engine.name, engine.program, setup, signal))
    started.push(running)
    note(`${running.name}: ${running.description}`)
  }
  const times = new Map<EngineProcess, RoundTimes[]>(started.map((engine) => [engine, []]))
  for (let round = 0; round < options.repeat; round++) {
    for (const [engine, rounds] of times) rounds.push(await engine.round())
    note(`round ${round + 1} of ${options.repeat}`)
  }
  const figures = new Map<string, Figures>()
  for (const [engine, rounds] of times) figures.set(engine.name, await figuresOf(engine, rounds, options))
  await (options.json ? printJson(report(figures)) : print(page(figures, name, options)))
}

async function figuresOf(engine: EngineProcess, rounds: readonly RoundTimes[], { prompt, generate }: BenchOptions): Promise<Figures> {
  return {
    loadMs: Math.round(engine.loadMs),
    prefill: spread(rounds.map(({ prefillMs }) => (prompt / prefillMs) * 1000)),
    decode: spread(rounds.map(({ decodeMs }) => (generate / decodeMs) * 1000)),
    peakRssBytes: await engine.peakRssBytes(),
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return [round(sorted[0]), round(median), round(sorted[sorted.length - 1])]
}

const round = (value: number): number => Math.round(value * 100) / 100

function report(figures: ReadonlyMap<string, Figures>): object {
  const { g3, ...peers } = Object.fromEntries(figures)
  return { g3, peers, ratios: Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, ratio(g3, peer)])) }
}

/** How many times a peer's median ours is. */
const ratio = (own: Figures, peer: Figures): { readonly prefill: number; readonly decode: number } => ({
  prefill: Math.round((own.prefill[1] / peer.prefill[1]) * 1000) / 1000,
  decode: Math.round((own.decode[1] / peer.decode[1]) * 1000) / 1000,
})

function page(figures: ReadonlyMap<string, Figures>, model: string, { prompt, generate, repeat }: BenchOptions): string {
  const own = figures.get('g3')
  const show = ([least, median, most]: Spread): string => `${median.toFixed(1)} (${least.toFixed(1)} to ${most.toFixed(1)})`
  const rows = [...figures].map(([name, engine]) => {
    const times = own && engine !== own ? ratio(own, engine) : undefined
    return [
      name,
      `${engine.loadMs} ms`,
      show(engine.prefill),
      show(engine.decode),
      `${(engine.peakRssBytes / 1e6).toFixed(0)} MB`,
      times ? `${times.prefill.toFixed(2)}, ${times.decode.toFixed(2)}` : '',
    ]
  })
  const heads = ['engine', 'load', 'prefill tok/s', 'decode tok/s', 'peak memory', 'g3 is times']
  return `${model}: ${prompt} prompt tokens, ${generate} generated, medians of ${repeat} rounds\n${table(heads, rows)}`
}
