import { parentPort, workerData } from 'node:worker_threads'
import { gunzipSync } from 'node:zlib'
import { relaxed } from './generated/relaxed.js'

// A thread of the probe: see probe.ts.

export interface ProbeThread {
  readonly threads: number
  /** One word in shared memory, where the threads meet. */
  readonly meeting: Int32Array<SharedArrayBuffer>
  /** What this thread reads, in bytes, a multiple of a MiB. */
  readonly bytes: number
}

/** Work for each second, of one thread while all are busy. */
export interface ThreadRates {
  readonly readBytes: number
  /** Multiply-accumulates, in both forms of int8 products. */
  readonly pairs: number
  readonly quads: number
}

/** `assembly/probe.ts`. */
interface Probe {
  read(from: number, bytes: number): number
  multiplyPairs(operands: number, tiles: number): number
  multiplyQuads(operands: number, tiles: number): number
}

const MIB = 1 << 20
/** Where what is read begins; the operands of products lie before it. */
const FIRST = 1 << 16
const TILES = 400
const TILE_MACS = 4 * 8 * 256
/** Long against a thread's start, short against a change of the machine's mood. */
const MEASURE_MS = 50
/** The engine optimises what runs often, while it runs. */
const WARM_UP_MS = 30

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

/** How often `work` is done in a second, when it is repeated for `ms`. */
function rate(work: () => unknown, ms: number): number {
  const start = performance.now()
  let times = 0
  let now = start
  do {
    work()
    times++
    now = performance.now()
  } while (now - start < ms)
  return (times / (now - start)) * 1000
}

async function open(): Promise<() => ThreadRates> {
  // Shared only because the module asks for it.
  const memory = new WebAssembly.Memory({ initial: (FIRST + bytes) >> 16, maximum: 1 << 16, shared: true })
  // Pages that nothing was written to are all one page.
  new Uint8Array(memory.buffer).fill(0x35)
  const module = await WebAssembly.compile(gunzipSync(Buffer.from(relaxed, 'base64')))
  const instance = await WebAssembly.instantiate(module, { env: { memory, abort: () => {} } })
  const probe = instance.exports as object as Probe

  let at = 0
  const read = (): number => {
    at = (at + MIB) % bytes
    return probe.read(FIRST + at, MIB)
  }
  const pairs = (): number => probe.multiplyPairs(0, TILES)
  const quads = (): number => probe.multiplyQuads(0, TILES)
  for (const work of [read, pairs, quads]) rate(work, WARM_UP_MS)
  const together = (work: () => unknown): number => {
    meet()
    return rate(work, MEASURE_MS)
  }
  return () => ({
    readBytes: together(read) * MIB,
    pairs: together(pairs) * TILES * TILE_MACS,
    quads: together(quads) * TILES * TILE_MACS,
  })
}

const measure = await open()
parentPort?.on('message', () => parentPort?.postMessage(measure()))
parentPort?.postMessage('ready')
