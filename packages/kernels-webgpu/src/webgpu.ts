import {
  check,
  checkedOps,
  checkPage,
  checkPageBytes,
  G3Error,
  isG3Error,
  type Backend,
  type Buffer,
  type CacheStore,
  type Program,
  type Step,
  type Weight,
} from '@g3/backend'
import type { GpuBuffer } from './buffers.js'
import type { GpuCache } from './caches.js'
import { openEngine, type Engine } from './engine.js'
import { handles } from './handles.js'
import type { Resolve } from './ops/kit.js'
import type { WebGpuOptions } from './options.js'
import type { GpuProgram } from './program.js'
import { collectCalls } from './recorder.js'
import type { GpuWeight } from './weights/load.js'

/** Devices in a row that may be lost before anything has come from one of them. */
const MOST_LOSSES = 3

/**
 * The WebGPU backend. All arithmetic is f32, with the file's own weights; a row has the same bits alone and among others,
 * whatever else the step holds and wherever its pages lie. A lost device is replaced by {@link Backend.recovery}.
 * @throws G3Error `webgpu/unavailable`
 */
export async function webgpu(options: WebGpuOptions = {}): Promise<Backend> {
  let engine = await openEngine(options)
  const weights = handles<Weight, GpuWeight>('weight')
  const buffers = handles<Buffer, GpuBuffer>('buffer')
  const caches = handles<CacheStore, GpuCache>('cache')
  const programs = handles<Program, GpuProgram>('program')
  const steps = new WeakMap<Program, (step: Step) => void>()
  const resolve: Resolve = { weight: weights.of, buffer: buffers.of, cache: caches.of }
  const listeners = new Set<() => void>()
  let recovering: Promise<void> | undefined
  let losses = 0
  let disposed = false

  const alive = (): void => check(!disposed, 'backend/disposed', 'this backend was disposed; make a new one')

  /** Replaces the engine, with all that was made. */
  const restart = async (): Promise<void> => {
    for (;;) {
      losses++
      check(
        losses <= MOST_LOSSES,
        'backend/lost',
        () => `the GPU was lost ${losses} times in a row; restart the browser or its driver`,
      )
      await engine.close()
      engine = await openEngine(options, true)
      try {
        for (const kind of [weights, buffers, caches, programs]) {
          alive()
          await kind.remake(engine)
        }
        for (const listener of listeners) listener()
        return
      } catch (error) {
        if (!isLoss(error)) throw error
      }
    }
  }

  const recover = async (): Promise<boolean> => {
    alive()
    if (recovering === undefined && !engine.isLost) return false
    recovering ??= restart().finally(() => (recovering = undefined))
    await recovering
    return true
  }

  /** Has something from the GPU: so it works. */
  const awaited = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work
    alive()
    losses = 0
    return result
  }

  const self: Backend = {
    caps: {
      name: 'webgpu',
      threads: 1,
      get description() {
        return engine.description
      },
      cacheType: 'f32',
    },
    async load(tensor, signal) {
      const { name, rows, cols } = tensor
      const make = (on: Engine) => on.load(tensor, signal)
      for (;;) {
        alive()
        try {
          const handle = { name, rows, cols }
          weights.add(handle, await awaited(make(engine)), (on) => on.load(tensor))
          return handle
        } catch (error) {
          if (!isLoss(error)) throw error
          await recover()
        }
      }
    },
    buffer(label, rows, cols) {
      alive()
      const make = (on: Engine) => on.buffer(label, rows, cols)
      const handle = { label, rows, cols }
      buffers.add(handle, make(engine), make)
      return handle
    },
    cache(spec) {
      alive()
      const index = caches.all().length
      const make = (on: Engine) => on.cache(spec, index)
      const made = make(engine)
      const handle = { spec, index, pageBytes: made.pageBytes, layout: made.layout }
      caches.add(handle, made, make)
      return handle
    },
    record(label, build) {
      alive()
      const calls = collectCalls()
      const { ops, checkStep } = checkedOps(calls.ops)
      build(ops)
      const known = caches.all().length
      const make = (on: Engine) => on.record(label, calls.list, caches.all().slice(0, known), resolve)
      const handle = { label }
      programs.add(handle, make(engine), make)
      steps.set(handle, checkStep)
      return handle
    },
    run(program, step) {
      alive()
      const made = programs.of(program)
      steps.get(program)?.(step)
      engine.run(made, step)
    },
    async read(buffer, rows, into) {
      alive()
      const source = buffers.of(buffer)
      const { label, cols } = buffer
      check(
        Number.isInteger(rows) && rows >= 0 && rows <= buffer.rows,
        'backend/shape',
        () => `read of ${rows} rows of ${label}, which has ${buffer.rows}`,
      )
      const out = into ?? new Float32Array(rows * cols)
      check(
        out.length >= rows * cols,
        'backend/shape',
        () => `read of ${rows} rows of ${label} needs room for ${rows * cols} values, not ${out.length}`,
      )
      await awaited(engine.read(source, rows, out))
      return out
    },
    copyPage(cache, from, to) {
      alive()
      const made = caches.of(cache)
      checkPage(cache, from ?? to)
      checkPage(cache, to)
      if (from !== to) engine.copyPage(made, from, to)
    },
    async readPage(cache, page, into = new Uint8Array(cache.pageBytes)) {
      alive()
      const made = caches.of(cache)
      checkPage(cache, page)
      checkPageBytes(cache, into)
      await awaited(engine.readPage(made, page, into))
      return into
    },
    async writePage(cache, page, bytes) {
      alive()
      const made = caches.of(cache)
      checkPage(cache, page)
      checkPageBytes(cache, bytes)
      await awaited(engine.writePage(made, page, bytes.slice()))
    },
    recovery: {
      recover,
      onRecovered(listener) {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
    async dispose() {
      if (disposed) return
      disposed = true
      await recovering?.catch(() => {})
      await engine.close()
    },
    [Symbol.asyncDispose]: () => self.dispose(),
  }
  return self
}

const isLoss = (error: unknown): error is G3Error => isG3Error(error) && error.code === 'backend/lost'
