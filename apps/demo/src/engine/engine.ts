import { computed, effect, signal, type ReadonlySignal, type Signal } from '@preact/signals'
import type { WorkerModel } from '@g3/runtime/worker'
import { failureOf, isAbort, type Failure } from '../app/failure.js'
import { remembered } from '../app/remembered.js'
import { isComputeMode, wishOf, type ComputeMode } from './compute.js'

/** A model to load: where it is, and what it is called. */
export interface ModelChoice {
  /** The same for the same file: conversations and caches are kept under it. */
  readonly id: string
  readonly title: string
  /** An address, or a file of this device, which is read where it lies. */
  readonly source: string | File
  readonly mmproj?: string | File
}

export type EngineState =
  | { readonly kind: 'none' }
  /** `share` of the weights is loaded, from 0 to 1. */
  | { readonly kind: 'loading'; readonly choice: ModelChoice; readonly share: number }
  | { readonly kind: 'ready'; readonly choice: ModelChoice; readonly model: WorkerModel }
  | { readonly kind: 'failed'; readonly choice: ModelChoice; readonly failure: Failure }

/** The one model of this page, in a worker. */
export interface Engine {
  readonly state: ReadonlySignal<EngineState>
  /** The model, once it is loaded. */
  readonly model: ReadonlySignal<WorkerModel | undefined>
  /** What it should run on; another one loads the model anew. */
  readonly mode: Signal<ComputeMode>
  /** Loads a model in the place of the one before. Failures are in {@link state}. */
  load(choice: ModelChoice): Promise<WorkerModel | undefined>
  close(): Promise<void>
}

/** Texts at a time of a model that tabs share. */
const SHARED_SEQUENCES = 3

export function engine(): Engine {
  const state = signal<EngineState>({ kind: 'none' })
  const mode = remembered<ComputeMode>('g3-compute', 'auto', isComputeMode)
  let latest = new AbortController()
  // Loads take turns: two models at a time may be one too many for the device.
  let turn: Promise<unknown> = Promise.resolve()

  const release = async (): Promise<void> => {
    latest.abort()
    const before = state.peek()
    state.value = { kind: 'none' }
    if (before.kind === 'ready') await before.model[Symbol.asyncDispose]()
  }

  const load = (choice: ModelChoice): Promise<WorkerModel | undefined> => {
    latest.abort()
    const abort = (latest = new AbortController())
    const loading = turn.then(async () => {
      const before = state.peek()
      if (before.kind === 'ready') await before.model[Symbol.asyncDispose]()
      if (abort.signal.aborted) return undefined
      state.value = { kind: 'loading', choice, share: 0 }
      try {
        const { source, mmproj } = choice
        const { loadModel } = await import('@g3/runtime/worker')
        const model = await loadModel({
          ...home(choice, mode.peek()),
          source,
          ...(mmproj !== undefined && { mmproj }),
          backend: wishOf(mode.peek()),
          signal: abort.signal,
          onProgress(done, total) {
            if (!abort.signal.aborted) state.value = { kind: 'loading', choice, share: done / total }
          },
        })
        if (abort.signal.aborted) {
          await model[Symbol.asyncDispose]()
          return undefined
        }
        state.value = { kind: 'ready', choice, model }
        return model
      } catch (error) {
        if (!isAbort(error) && !abort.signal.aborted)
          state.value = { kind: 'failed', choice, failure: failureOf(error) }
        return undefined
      }
    })
    turn = loading
    return loading
  }

  // Another wish takes effect at once.
  let wished = mode.peek()
  effect(() => {
    const wish = mode.value
    const now = state.peek()
    if (wish === wished) return
    wished = wish
    if (now.kind !== 'none') void load(now.choice)
  })

  return {
    state,
    model: computed(() => (state.value.kind === 'ready' ? state.value.model : undefined)),
    mode,
    load,
    async close() {
      await turn
      await release()
    },
  }
}

/**
 * The worker that a model lives in. Tabs share one where nothing is lost by it: browsers give shared workers no threads, and a
 * file that one tab alone can read is gone with it.
 */
function home({ id, source, mmproj }: ModelChoice, mode: ComputeMode) {
  const hasThreads = globalThis.crossOriginIsolated && (mode === 'threads' || mode === 'auto')
  const isAddress = typeof source === 'string' && (mmproj === undefined || typeof mmproj === 'string')
  if (hasThreads || !isAddress || typeof SharedWorker === 'undefined') {
    return { worker: () => new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'g3' }) }
  }
  return {
    worker: () => new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'g3' }),
    share: `${id} ${mode}`,
    sequences: SHARED_SEQUENCES,
  }
}
