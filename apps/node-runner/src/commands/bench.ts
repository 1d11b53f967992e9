import { availableParallelism } from 'node:os'
import { startEngine, type Engine } from '../bench/engine.js'
import { installPeer } from '../bench/peers.js'
import { benchPrompt } from '../bench/prompt.js'
import type { EngineName, Job, PeerName, Round } from '../bench/protocol.js'
import { engineReport, page, ratio, type BenchReport, type EngineReport } from '../bench/report.js'
import { onInterrupt } from '../interrupt.js'
import { findModel } from '../loading.js'
import { note, print, printJson } from '../output.js'
import { openTokenizer } from './tokenize.js'

export interface BenchOptions {
  readonly model?: string
  readonly threads?: number
  readonly prompt: number
  readonly generate: number
  readonly repeat: number
  readonly peers?: readonly PeerName[]
  readonly json?: true
}

/** `g3 bench`: prefill and decode, ours and others', by turns in one run so that the machine's moods meet all alike. */
export async function bench(options: BenchOptions): Promise<void> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const { path, name } = await findModel(options.model, signal)
  const threads = options.threads ?? availableParallelism()
  const tokenizer = await openTokenizer(path, signal)
  const { generate, repeat } = options
  const job: Job = { model: path, threads, generate, ...benchPrompt(tokenizer, options.prompt) }

  await using engines = new AsyncDisposableStack()
  const running: Engine[] = []
  const start = async (engine: EngineName, itsJob: Job): Promise<void> => {
    note(`${engine}: loading ${name}, ${threads} thread${threads === 1 ? '' : 's'}`)
    running.push(engines.use(await startEngine(engine, itsJob, signal)))
  }
  const peers = new Map<PeerName, string>()
  for (const peer of options.peers ?? []) peers.set(peer, await installPeer(peer, signal))
  await start('g3', job)
  for (const [peer, packages] of peers) await start(peer, { ...job, packages })

  const reports = await takeTurns(running, repeat)
  const report = benchReport(reports)
  await (options.json ? printJson(report) : print(page(report)))
}

/** A round of each engine to warm up, then `repeat` that count, the order turned round each time. */
async function takeTurns(engines: readonly Engine[], repeat: number): Promise<Map<EngineName, EngineReport>> {
  for (const engine of engines) await engine.round()
  const rounds = new Map<Engine, Round[]>(engines.map((engine) => [engine, []]))
  for (let turn = 0; turn < repeat; turn++) {
    const order = turn % 2 === 0 ? engines : engines.toReversed()
    for (const engine of order) {
      const round = await engine.round()
      rounds.get(engine)?.push(round)
      const speeds = `prefill ${round.prefill.toFixed(1)}, decode ${round.decode.toFixed(1)} tokens a second`
      note(`${turn + 1}/${repeat} ${engine.name}: ${speeds}`)
    }
  }
  const reports = new Map<EngineName, EngineReport>()
  for (const [engine, list] of rounds) {
    reports.set(engine.name, engineReport(engine.loadMs, list, await engine.peakRssBytes()))
  }
  return reports
}

function benchReport(reports: ReadonlyMap<EngineName, EngineReport>): BenchReport {
  const ours = reports.get('g3')
  if (!ours) throw new Error('g3 itself was not measured')
  const peers: Partial<Record<PeerName, EngineReport>> = {}
  const ratios: Partial<Record<PeerName, { prefill: number; decode: number }>> = {}
  for (const [name, theirs] of reports) {
    if (name === 'g3') continue
    peers[name] = theirs
    ratios[name] = ratio(ours, theirs)
  }
  return { g3: ours, peers, ratios }
}
