import { G3Error } from '@g3/backend'

/** What the kernels export, see `assembly/index.ts`. Addresses are unsigned. */
export interface Kernels {
  setup(sync: number, thread: number, threads: number): void
  /** 1: to be called again; 0: a message brings a memory first. */
  serve(queue: number, jobs: number): number
  work(job: number): void
  perform(kind: number, a: number, b: number, c: number, d: number, e: number): void
  tryProducts(quads: number, scratch: number, rounds: number): void
}

/** A module with one function that uses one relaxed instruction (`i32x4.relaxed_trunc_f32x4_s`). */
const RELAXED_PROBE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
)

export const hasRelaxedSimd = (): boolean => WebAssembly.validate(RELAXED_PROBE)

/**
 * The kernels out of this package. They lie there as gzip in base64, which a page fetches in 0.6 of the bytes of plain base64, each build
 * in a module of its own, so that a page fetches one.
 */
async function packagedKernels(useRelaxed: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const text = useRelaxed
    ? (await import('./generated/relaxed.js')).relaxed
    : (await import('./generated/plain.js')).plain
  const zipped = new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))])
  return new Uint8Array(await new Response(zipped.stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer())
}

/**
 * The kernels import a shared memory; where none can be had, the same bytes serve with the flag of that import cleared:
 * atomics work on any memory, and a single thread never waits.
 */
const unshared = (wasm: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  // …"memory", kind 2 (memory), limits flag 3 (shared, with maximum)
  const name = [...'memory'].map((c) => c.charCodeAt(0))
  const at = wasm.findIndex((_, i) => name.every((c, j) => wasm[i + j] === c) && wasm[i + 6] === 2 && wasm[i + 7] === 3)
  if (at < 0) throw new G3Error('cpu/bad-wasm', 'the kernels import no shared memory; rebuild @g3/kernels-cpu')
  const copy = wasm.slice()
  copy[at + 7] = 1
  return copy
}

const compiled = new Map<string, Promise<WebAssembly.Module>>()

/** The kernels as a module, made once for all backends of a page; `wasm` takes the place of those in the package. */
export function compileKernels(
  useRelaxed: boolean,
  shared: boolean,
  wasm?: Uint8Array<ArrayBuffer>,
): Promise<WebAssembly.Module> {
  const compile = (bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> =>
    WebAssembly.compile(shared ? bytes : unshared(bytes))
  if (wasm) return compile(wasm)
  const kind = `${useRelaxed} ${shared}`
  const module = compiled.get(kind) ?? packagedKernels(useRelaxed).then(compile)
  compiled.set(kind, module)
  // What failed for want of memory may work the next time.
  module.catch(() => compiled.delete(kind))
  return module
}

/**
 * Which form of int8 products is faster here, `Quads` or `Pairs` of `assembly/lib/layout.ts`. Takes about 5 ms, most of it waiting
 * for the engine's optimiser. Both give the same bits.
 */
export const quadsAreFaster = async (kernels: Kernels, scratch: number): Promise<boolean> => {
  const time = (quads: number): number => {
    const start = performance.now()
    kernels.tryProducts(quads, scratch, 200)
    return performance.now() - start
  }
  for (let i = 0; i < 10; i++) time(i & 1)
  await new Promise((resolve) => setTimeout(resolve, 3))
  const best = [Infinity, Infinity]
  for (let i = 0; i < 10; i++) best[i & 1] = Math.min(best[i & 1] ?? Infinity, time(i & 1))
  const [pairs = 0, quads = 0] = best
  return quads < pairs
}
