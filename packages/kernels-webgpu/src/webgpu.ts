import { check, isG3Error, type LogitBackend, type LoraBackend, type VisionBackend } from '@g3/backend'
import type { Engine } from './engine.js'
import { front } from './front.js'
import type { WebGpuOptions } from './options.js'
import type { AllOps } from './recorder.js'
import { openChecked } from './self-check.js'
import { CHUNK } from './weights/forms.js'

/** Devices in a row that may be lost before anything has come from one of them. */
const MOST_LOSSES = 3

/**
 * The WebGPU backend. All arithmetic is f32, with the file's own weights, but for products where `precision` is `fast`; a row has
 * the same bits alone and among others, whatever else the step holds and wherever its pages lie. A lost device is replaced by {@link Backend.recovery}.
 * @throws G3Error `webgpu/unavailable`, `webgpu/options`, `webgpu/wrong-results`
 */
export async function webgpu(options: WebGpuOptions = {}): Promise<LogitBackend & LoraBackend & VisionBackend> {
  let losses = 0
  const countLoss = (): void => {
    losses++
    check(
      losses <= MOST_LOSSES,
      'backend/lost',
      () => `the GPU was lost ${losses} times in a row; restart the browser or its driver`,
    )
  }
  const openEngine = async (isAnother: boolean): Promise<Engine> => {
    try {
      return await openChecked(options, isAnother)
    } catch (error) {
      if (!isLoss(error)) throw error
      countLoss()
      return openEngine(true)
    }
  }
  let engine = await openEngine(false)
  const work = front(() => engine)
  const listeners = new Set<() => void>()
  let recovering: Promise<void> | undefined
  let disposed = false

  const open = (): typeof work => {
    check(!disposed, 'backend/disposed', 'this backend was disposed; make a new one')
    return work
  }

  /** Has something from the GPU: so it works. */
  const awaited = async <T>(result: Promise<T>): Promise<T> => {
    const value = await result
    open()
    losses = 0
    return value
  }

  /** Replaces the engine, with all that was made. */
  const restart = async (): Promise<void> => {
    for (;;) {
      countLoss()
      await engine.close()
      engine = await openEngine(true)
      try {
        await open().remake()
        for (const listener of listeners) listener()
        return
      } catch (error) {
        if (!isLoss(error)) throw error
      }
    }
  }

  const recover = async (): Promise<boolean> => {
    open()
    if (recovering === undefined && !engine.isLost) return false
    recovering ??= restart().finally(() => (recovering = undefined))
    await recovering
    return true
  }

  const dispose = async (): Promise<void> => {
    if (disposed) return
    disposed = true
    await recovering?.catch(() => {})
    await engine.close()
  }

  return {
    caps: {
      name: 'webgpu',
      threads: 1,
      get description() {
        return engine.description
      },
      cacheType: 'f32',
      runsAhead: true,
      logitOps: true,
      rankStep: CHUNK,
    },
    async load(tensor, signal) {
      for (;;) {
        try {
          return await awaited(open().load(tensor, signal))
        } catch (error) {
          if (!isLoss(error)) throw error
          await recover()
        }
      }
    },
    buffer: (label, rows, cols) => open().buffer(label, rows, cols),
    cache: (spec) => open().cache(spec),
    record: (label: string, build: (ops: AllOps) => void) => open().record(label, build),
    run: (program, step) => open().run(program, step),
    read: async (buffer, rows, into) => awaited(open().read(buffer, rows, into)),
    write: async (buffer, values) => awaited(open().write(buffer, values)),
    copyPage: (cache, from, to) => open().copyPage(cache, from, to),
    readPage: async (cache, page, into) => awaited(open().readPage(cache, page, into)),
    writePage: async (cache, page, bytes) => awaited(open().writePage(cache, page, bytes)),
    async release(programs, weights) {
      try {
        await open().release(programs, weights)
      } catch (error) {
        // Gone with all else.
        if (!isLoss(error)) throw error
      }
    },
    recovery: {
      recover,
      onRecovered(listener) {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}

const isLoss = (error: unknown): boolean => isG3Error(error) && error.code === 'backend/lost'
