import { parentPort, workerData } from 'node:worker_threads'
import { openThreadProbe } from './probe-program.js'

// A thread of the probe: see probe.ts.

export interface ProbeThread {
  readonly threads: number
  /** One word in shared memory, where the threads meet. */
  readonly meeting: Int32Array<SharedArrayBuffer>
  /** What this thread reads, in bytes, a multiple of a MiB. */
  readonly bytes: number
}

const { threads, meeting, bytes }: ProbeThread = workerData

/** Waits until every thread is here. */
function meet(): void {
  const arrived = Atomics.add(meeting, 0, 1) + 1
  const all = Math.ceil(arrived / threads) * threads
  if (arrived === all) Atomics.notify(meeting, 0)
  for (let here = Atomics.load(meeting, 0); here < all; here = Atomics.load(meeting, 0)) {
    if (Atomics.wait(meeting, 0, here, 10_000) === 'timed-out') throw new Error('a thread of the probe is missing')
  }
}

const measure = await openThreadProbe(bytes, meet)
parentPort?.on('message', () => parentPort?.postMessage(measure()))
parentPort?.postMessage('ready')
