import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { G3Error } from '@g3/backend'
import { labelOf } from './engine-spec.js'
import { installPackages } from './peers.js'
import type { GpuFacts } from './webgpu/gpu-facts.js'
import { GOODBYE_MS, type Driver, type Job, type Reply, type Request, type Round } from './protocol.js'

/** An engine in a process of its own, with the model loaded. */
export interface Engine extends AsyncDisposable {
  readonly loadMs: number
  round(): Promise<Round>
  /** Tokens for each second, see {@link Driver.decode}. */
  decode(batch: number, context: number): Promise<number>
  /** See {@link Driver.gpu}. */
  gpu(): Promise<GpuFacts | undefined>
  peakRssBytes(): Promise<number>
}

/** As the build names it, beside the command. */
const CHILD = fileURLToPath(new URL('./bench-child.js', import.meta.url))

/** Time for an answer; the largest models take minutes to load from a slow disk. */
const ANSWER_MS = 300_000

/** More of it for each token: an engine that is slower than this counts as hung. */
const TOKEN_MS = 1000

export interface EngineOptions {
  readonly signal: AbortSignal
  /** When an engine that gives no answer counts as hung. Default: after minutes, and a second for each token. */
  readonly timeoutMs?: number
}

/** How engines are asked for rounds. */
export interface TurnOptions extends EngineOptions {
  /** Rounds that count. */
  readonly repeat: number
  /** Told in a line what goes on. */
  readonly log: (line: string) => void
}

/**
 * Starts an engine's process and loads the job's model there, after its packages were installed where it needs any. The
 * process ends with this one, whatever ends it.
 * @throws G3Error `bench/no-peer`, `bench/engine-died` for a process that ended, `bench/engine-hung` for one that takes
 * far too long, and what the engine throws
 */
export async function startEngine(
  measurement: Omit<Job, 'packages'>,
  { signal, timeoutMs }: EngineOptions,
): Promise<Engine> {
  const packages = await installPackages(measurement, signal)
  const job: Job = { ...measurement, ...(packages !== undefined && { packages }) }
  const name = labelOf(job.engine)
  const child = fork(CHILD, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const exited = once(child, 'exit')
  const kill = (): boolean => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  // Whoever asks is told of a process that could not be started, too.
  exited.catch(() => {})
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said = (said + chunk).slice(-2000)
  })
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect()
    const timer = setTimeout(kill, GOODBYE_MS + 1000)
    await exited
    clearTimeout(timer)
  }

  /** One request, one reply. `tokens`: how many are to be read or made. */
  const ask = async <K extends Reply['kind']>(
    request: Request,
    kind: K,
    tokens = 0,
  ): Promise<Extract<Reply, { kind: K }>> => {
    signal.throwIfAborted()
    const limitMs = timeoutMs ?? ANSWER_MS + tokens * TOKEN_MS
    const settled = new AbortController()
    const wait = { signal: settled.signal }
    try {
      const replied = once(child, 'message', wait)
      child.send(request)
      const [reply] = await Promise.race([
        replied as Promise<[Reply]>,
        once(child, 'exit', wait).then(([code, killer]) => {
          const end = said.trim().split('\n').at(-1) ?? ''
          throw new G3Error(
            'bench/engine-died',
            `the process of ${name} ended with ${killer ?? `code ${code}`}${end && `: ${end}`}`,
          )
        }),
        delay(limitMs, undefined, wait).then(() => {
          kill()
          throw new G3Error('bench/engine-hung', `${name} gave no answer in ${Math.round(limitMs / 1000)} s`)
        }),
        once(signal, 'abort', wait).then(() => {
          throw signal.reason
        }),
      ])
      if (reply.kind === 'failed') throw new G3Error(reply.code, `${name}: ${reply.message}`)
      if (reply.kind !== kind)
        throw new G3Error('bench/engine-failed', `${name} answered ${reply.kind} where ${kind} was asked`)
      return reply as Extract<Reply, { kind: K }>
    } finally {
      settled.abort()
    }
  }

  try {
    const { loadMs } = await ask({ kind: 'load', job }, 'loaded')
    return {
      loadMs,
      async round() {
        return (await ask({ kind: 'round' }, 'round', job.prompt.length + job.generate)).round
      },
      async decode(batch, context) {
        const tokens = batch * (context + job.generate)
        return (await ask({ kind: 'decode', batch, context }, 'decoded', tokens)).tokensPerSecond
      },
      gpu: async () => (await ask({ kind: 'gpu' }, 'gpu', 3 * (job.prompt.length + job.generate))).facts,
      peakRssBytes: async () => (await ask({ kind: 'memory' }, 'memory')).peakRssBytes,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    kill()
    await exited
    throw error
  }
}
