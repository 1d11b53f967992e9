import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { G3Error } from '@g3/backend'
import type { EngineName, Job, Reply, Request, Round } from './protocol.js'

/** An engine in a process of its own, with the model loaded. */
export interface Engine extends AsyncDisposable {
  readonly name: EngineName
  readonly loadMs: number
  round(): Promise<Round>
  peakRssBytes(): Promise<number>
}

/** As the build names it, beside the command. */
const CHILD = fileURLToPath(new URL('./bench-child.js', import.meta.url))

/** Time for an engine to put itself away, a browser among its processes. */
const GOODBYE_MS = 3000

/**
 * Starts an engine's process and loads the job's model there.
 * @throws G3Error `bench/engine-died` for a process that ended, and what the engine throws
 */
export async function startEngine(name: EngineName, job: Job, signal: AbortSignal): Promise<Engine> {
  const child = fork(CHILD, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const exited = once(child, 'exit')
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said = (said + chunk).slice(-2000)
  })

  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect()
    const timer = setTimeout(() => child.kill('SIGKILL'), GOODBYE_MS)
    await exited
    clearTimeout(timer)
  }

  /** One request, one reply. */
  const ask = async <K extends Reply['kind']>(request: Request, kind: K): Promise<Extract<Reply, { kind: K }>> => {
    signal.throwIfAborted()
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
    const { loadMs } = await ask({ kind: 'load', engine: name, job }, 'loaded')
    return {
      name,
      loadMs,
      round: async () => (await ask({ kind: 'round' }, 'round')).round,
      peakRssBytes: async () => (await ask({ kind: 'memory' }, 'memory')).peakRssBytes,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    child.kill('SIGKILL')
    await exited
    throw error
  }
}
