import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { G3Error } from '@g3/backend'
import type { ThreadRates } from './probe-program.js'
import type { ProbeThread } from './probe-worker.js'

/** What a machine can do. */
export interface MachineRates {
  readonly readBytesPerSecond: number
  /** Multiply-accumulates of int8 values. */
  readonly macsPerSecond: number
}

/** Measures the machine; idle in between. */
export interface Probe extends AsyncDisposable {
  /** Takes about 0.2 s. @throws as {@link startProbe} */
  measure(): Promise<MachineRates>
}

/** As the build names it, beside the command. */
const WORKER = fileURLToPath(new URL('./bench-probe-worker.js', import.meta.url))

/** What all threads read together: much more than caches hold. */
const READ_MIB = 256
const LEAST_MIB = 4

/**
 * Starts threads that measure together how fast this machine reads memory and multiplies, each in WASM of 128 bits as
 * the kernels are: sequential reads of 256 MiB, and int8 products of operands in the first-level cache, in the faster
 * of the two forms that engines have.
 * @throws G3Error `bench/probe-failed`, e.g. for want of memory; the signal's reason
 */
export async function startProbe(threads: number, signal: AbortSignal): Promise<Probe> {
  const meeting = new Int32Array(new SharedArrayBuffer(4))
  const bytes = Math.max(Math.floor(READ_MIB / threads), LEAST_MIB) << 20
  const workerData: ProbeThread = { threads, meeting, bytes }
  const workers = Array.from({ length: threads }, () => new Worker(WORKER, { workerData }))
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  /** One message from each. */
  const answers = async <T>(): Promise<T[]> => {
    try {
      return await Promise.all(workers.map(async (worker): Promise<T> => (await once(worker, 'message', { signal }))[0]))
    } catch (cause) {
      signal.throwIfAborted()
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new G3Error('bench/probe-failed', `this machine's limits cannot be measured: ${reason}`, { cause })
    }
  }

  try {
    await answers()
  } catch (error) {
    await close()
    throw error
  }
  return {
    async measure() {
      const answered = answers<ThreadRates>()
      for (const worker of workers) worker.postMessage('measure')
      const rates = await answered
      const sum = (what: keyof ThreadRates): number => rates.reduce((total, rate) => total + rate[what], 0)
      return { readBytesPerSecond: sum('readBytes'), macsPerSecond: Math.max(sum('pairs'), sum('quads')) }
    },
    [Symbol.asyncDispose]: close,
  }
}
