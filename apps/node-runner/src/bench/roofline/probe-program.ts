import { relaxed } from './generated/relaxed.js'

/** Work for each second, of one thread. */
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

/**
 * What one thread can do, in Node or in a page's worker.
 * @param bytes what it reads, a multiple of a MiB
 * @param meet waits for the other threads, before each measurement
 */
export async function openThreadProbe(bytes: number, meet: () => void = () => {}): Promise<() => ThreadRates> {
  // Shared only because the module asks for it.
  const memory = new WebAssembly.Memory({ initial: (FIRST + bytes) >> 16, maximum: 1 << 16, shared: true })
  // Pages that nothing was written to are all one page.
  new Uint8Array(memory.buffer).fill(0x35)
  const packed = Uint8Array.from(atob(relaxed), (letter) => letter.charCodeAt(0))
  const unpacked = new Response(packed).body?.pipeThrough(new DecompressionStream('gzip'))
  const module = await WebAssembly.compile(await new Response(unpacked).arrayBuffer())
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
