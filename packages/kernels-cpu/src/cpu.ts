import { type Buffer, type CacheStore, check, checkPage, checkValues, G3Error, type Program, type Step, type TrainBackend, type VisionBackend, type Weight } from '@g3/backend'
import { type CpuBuffer, makeBuffer } from './buffers.js'
import { type CpuCache, makeCache } from './caches.js'
import { CACHE_FORMS, scratchBytes } from './layout.js'
import { link } from './link.js'
import { RANK_STEP } from './lora-recorder.js'
import { type MemoryLimits, openMemories } from './memories.js'
import { allocatePool, inlinePool, JOBS, type Pool, workerPool } from './pool.js'
import { writeProgram, type WrittenProgram } from './program.js'
import { recorder, type Recording } from './recorder.js'
import { partialBytes, scratchSpace } from './scratch.js'
import { screenSpace } from './screen.js'
import { sharedSpace } from './shared-space.js'
import { stepRing } from './steps.js'
import { canShare, threadCount } from './threads.js'
import { compileKernels, hasRelaxedSimd, type Kernels, quadsAreFaster } from './wasm.js'
import { type CpuWeight, weightLoader } from './weights.js'

/**
 * Activations in matrix products. `fast`: int8 with a scale for 32 (as llama.cpp), 14-bit integers for Q8_0 and IQ4 weights. `precise`:
 * 14-bit integers everywhere. `exact`: f32. Weights are the file's in all three. Image encoders differ in `fast`: float weights are rounded to
 * integers of up to 4095 beside the largest of 64, and Q8_0 ones meet activations of 7 bits, a scale for 32. How keys and values are held is
 * their cache's own: `f16` means 16-bit integers with a scale for each vector here.
 */
export type Precision = 'fast' | 'precise' | 'exact'

const PRECISION = { fast: 0, precise: 1, exact: 2 } as const satisfies Record<Precision, number>

export interface CpuOptions {
  /** Threads that compute; default: what the machine reports. One where memory can't be shared. */
  readonly threads?: number
  /** Default `fast`. */
  readonly precision?: Precision
  /** `plain` leaves relaxed SIMD out even where the engine has it. */
  readonly simd?: 'auto' | 'plain'
  /** A file with the text of {@link WORKER_SOURCE}, for pages whose policy forbids Blob workers. */
  readonly workerUrl?: string | URL
  /** The kernels' bytes, for those who serve them as a file; must match `simd`. */
  readonly wasm?: Uint8Array<ArrayBuffer>
  /**
   * Smaller limits than a machine has, for tests of what happens at them.
   * @internal
   */
  readonly limits?: Partial<MemoryLimits> & { readonly shared?: boolean }
}

interface CpuProgram extends Program, WrittenProgram {
  checkStep(step: Step): void
}

/**
 * The CPU backend: WASM SIMD kernels on worker threads.
 * Results are bit-identical from run to run, for any number of threads, any split of the same tokens into steps, and wherever the pages
 * of a cache lie.
 * @throws G3Error `cpu/options`, `backend/out-of-memory`
 */
export async function cpu(options: CpuOptions = {}): Promise<VisionBackend & TrainBackend> {
  const precision = options.precision ?? 'fast'
  check(precision in PRECISION, 'cpu/options', `precision must be fast, precise or exact, not ${precision}`)
  const limits = options.limits ?? {}
  const shared = limits.shared ?? canShare()
  const threads = threadCount(options.threads, shared)
  const relaxed = options.simd !== 'plain' && hasRelaxedSimd()
  const module = await compileKernels(relaxed, shared, options.wasm)
  const memories = openMemories(
    shared,
    limits,
    (columns) => threads * scratchBytes(columns),
    (memory) => pool.attach(memory),
  )
  const memory = memories.first
  const addresses = allocatePool(memory)

  const instances = link(() => {
    throw new G3Error('cpu/trap', 'a kernel aborted; make a new backend')
  })
  const { exports } = await WebAssembly.instantiate(module, instances.imports(memory.wasm))
  const kernels = exports as object as Kernels
  instances.add(memory.wasm, kernels)
  const pool: Pool =
    shared && threads > 1
      ? workerPool(memory, module, addresses, threads, () => memories.grows, options.workerUrl)
      : inlinePool(memory, module, kernels, instances, addresses)
  const cacheType = precision === 'exact' ? 'f32' : 'f16'
  const quads = relaxed && precision === 'fast' && (await quadsAreFaster(kernels, memory.allocate(0x6000)))
  const load = weightLoader(memories, pool)
  const steps = stepRing(memory, () => pool.room === JOBS)
  const scratchIn = memories.each((own) => scratchSpace(own, PRECISION[precision], threads, quads))
  const screenOf = screenSpace(memories)
  const weights = new WeakSet<Weight>()
  const buffers = new WeakSet<Buffer>()
  const caches: CpuCache[] = []
  const programs = new WeakSet<Program>()
  /** For each cache the program that copies its pages, once it is asked for. */
  const copies: WrittenProgram[] = []
  let posted = 0
  let disposed = false

  const alive = (): void => check(!disposed, 'backend/disposed', 'this backend was disposed')
  const own = <T extends object>(set: WeakSet<object>, value: object, what: string): T => {
    check(set.has(value), 'backend/foreign', `this ${what} was made by another backend`)
    return value as T
  }
  /** Those of `values` that were in the set until now. */
  const taken = <T extends object>(set: WeakSet<object>, values: readonly object[]): readonly T[] =>
    values.filter((value) => set.delete(value)) as T[]
  const ownCache = (cache: CacheStore): CpuCache => {
    const mine = caches.find((c) => c === cache)
    check(mine !== undefined, 'backend/foreign', 'this cache was made by another backend')
    return mine
  }
  const newBuffer = (label: string, rows: number, cols: number): CpuBuffer => {
    const buffer = makeBuffer(memories, label, rows, cols)
    buffers.add(buffer)
    return buffer
  }
  const common = sharedSpace(memories, newBuffer)
  const write = (recording: Recording): WrittenProgram => {
    const views = caches.map(({ spec }) => spec)
    steps.reserve(recording.maxRows, views)
    return writeProgram(memories, recording, views, (number) =>
      scratchIn(number)({ columns: memories.widestIn(number), caches: views }),
    )
  }
  const enqueue = ({ kind, address, configuration }: WrittenProgram, step: Step): void => {
    if (pool.room > 0) posted = pool.post(kind, 0, address, steps.write(step), configuration)
    else {
      const kept = structuredClone(step)
      posted = pool.later(() => pool.post(kind, 0, address, steps.write(kept), configuration))
    }
  }
  const dispose = async (): Promise<void> => {
    disposed = true
    await pool.dispose()
  }

  return {
    caps: {
      name: 'cpu',
      threads,
      cacheType,
      runsAhead: false,
      logitOps: false,
      rankStep: RANK_STEP,
      trains: true,
      description:
        `wasm ${relaxed ? 'relaxed' : 'plain'} simd${quads ? ', int8 dot products' : ''}, ${threads} thread${threads > 1 ? 's' : ''}` +
        (shared ? '' : ' (memory cannot be shared here: serve the page with COOP and COEP headers for more)'),
    },
    async load(tensor, signal) {
      alive()
      const weight = await load(tensor, signal)
      weights.add(weight)
      return weight
    },
    buffer(label, rows, cols) {
      alive()
      return newBuffer(label, rows, cols)
    },
    cache(spec) {
      alive()
      const cache = makeCache(memories, spec, caches.length)
      memories.keepFree(partialBytes(spec, threads))
      caches.push(cache)
      return cache
    },
    record(label, build) {
      alive()
      const recording = recorder({
        weight: (weight) => own<CpuWeight>(weights, weight, 'weight'),
        buffer: (buffer) => own<CpuBuffer>(buffers, buffer, 'buffer'),
        cache: ownCache,
        newBuffer,
        threads,
        attendsAllIn: CACHE_FORMS[cacheType],
        screenOf,
        constants: common.constants,
        sharedBuffer: common.buffer,
      })
      build(recording.ops)
      const program: CpuProgram = { ...write(recording.finish()), label, checkStep: recording.checkStep }
      programs.add(program)
      return program
    },
    run(program, step: Step) {
      alive()
      const recorded = own<CpuProgram>(programs, program, 'program')
      recorded.checkStep(step)
      enqueue(recorded, step)
    },
    copyPage(cache, from, to) {
      alive()
      const mine = ownCache(cache)
      checkPage(mine, from ?? to)
      checkPage(mine, to)
      const program = (copies[mine.index] ??= write({ ops: mine.copyOps(), maxRows: 1, independentRows: false }))
      enqueue(program, { rows: 1, ids: Int32Array.of(to), from: from ?? -1 })
    },
    async readPage(cache, page, into = new Uint8Array(cache.pageBytes)) {
      alive()
      const mine = ownCache(cache)
      await pool.done(posted)
      alive()
      mine.readPage(page, into)
      return into
    },
    async writePage(cache, page, bytes) {
      alive()
      const mine = ownCache(cache)
      await pool.done(posted)
      alive()
      mine.writePage(page, bytes)
    },
    async read(buffer, rows, into) {
      alive()
      const { home, addressIn, strideBytes, cols, label } = own<CpuBuffer>(buffers, buffer, 'buffer')
      check(Number.isInteger(rows) && rows > 0 && rows <= buffer.rows, 'backend/shape', `read of ${rows} rows of buffer ${label}, which has ${buffer.rows}`)
      const out = into ?? new Float32Array(rows * cols)
      check(out.length >= rows * cols, 'backend/shape', `read of buffer ${label} needs room for ${rows * cols} values`)
      await pool.done(posted)
      alive()
      if (home === undefined) return out.fill(0, 0, rows * cols)
      const address = addressIn(home)
      for (let r = 0; r < rows; r++) out.set(memories.at(home).f32(address + r * strideBytes, cols), r * cols)
      return out
    },
    async release(given, unused) {
      alive()
      const parts = [...taken<CpuProgram>(programs, given), ...taken<CpuWeight>(weights, unused)]
      await pool.done(posted)
      for (const part of parts) if ('free' in part) part.free()
    },
    async write(buffer, values) {
      alive()
      const mine = own<CpuBuffer>(buffers, buffer, 'buffer')
      const { addressIn, strideBytes, cols } = mine
      checkValues(buffer, values)
      await pool.done(posted)
      alive()
      const home = (mine.home ??= 0)
      const address = addressIn(home)
      for (let r = 0; r < values.length / cols; r++)
        memories.at(home).f32(address + r * strideBytes, cols).set(values.subarray(r * cols, (r + 1) * cols))
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}
