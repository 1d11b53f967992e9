import { check, G3Error, type Backend, type Workload } from '@g3/backend'
import { loadModel, type LoadOptions } from '../generate/load.js'
import type { Model } from '../generate/model.js'
import type { BackendWish, LoadEvent, ModelFacts, WireLoad } from './calls.js'
import type { ConstraintText } from './constraint-text.js'
import type { Constraints } from '../grammar/constraint.js'

/** Opens a worker's backend for a model. */
export type OpenWished = (workload: Workload, wish: BackendWish) => Promise<Backend>

/** A model in a worker, which ends with the last of those that use it. */
export interface Held {
  readonly model: Model
  readonly facts: ModelFacts
  /** Compiled, by code that is fetched for the first: most models of most pages write free text. */
  constraints(text: ConstraintText): Promise<Constraints>
}

export interface Use {
  readonly held: Held
  /** Disposes of the model where nobody else uses it. */
  release(): Promise<void>
}

interface Entry {
  readonly settings: string
  readonly loading: Promise<Held>
  readonly abort: AbortController
  readonly listeners: Set<(event: LoadEvent) => void>
  users: number
}

/** The models of a worker. Those that are loaded under one name are one. */
export function heldModels(open: OpenWished) {
  const shared = new Map<string, Entry>()

  const start = (load: WireLoad, source: Pick<LoadOptions, 'source' | 'mmproj'>): Entry => {
    const abort = new AbortController()
    const listeners = new Set<(event: LoadEvent) => void>()
    const tell = (event: LoadEvent): void => listeners.forEach((listener) => listener(event))
    const loading = loadHeld(open, load, source, abort.signal, tell)
    // Who waits for it learns of its failure.
    loading.catch(() => {})
    return { settings: settingsOf(load), loading, abort, listeners, users: 0 }
  }

  const entryFor = (load: WireLoad, source: () => Pick<LoadOptions, 'source' | 'mmproj'>): Entry => {
    const { share } = load
    if (share === undefined) return start(load, source())
    checkShareable(load)
    const known = shared.get(share)
    check(
      known === undefined || known.settings === settingsOf(load),
      'worker/other-settings',
      () => `the model "${share}" was loaded with other options: give the same ones, or another name`,
    )
    const entry = known ?? start(load, source())
    shared.set(share, entry)
    return entry
  }

  return async (
    load: WireLoad,
    source: () => Pick<LoadOptions, 'source' | 'mmproj'>,
    signal: AbortSignal,
    tell: (event: LoadEvent) => void,
  ): Promise<Use> => {
    signal.throwIfAborted()
    const entry = entryFor(load, source)
    entry.users++
    entry.listeners.add(tell)
    let released = false
    const release = async (): Promise<void> => {
      if (released) return
      released = true
      entry.listeners.delete(tell)
      if (--entry.users > 0) return
      if (load.share !== undefined && shared.get(load.share) === entry) shared.delete(load.share)
      entry.abort.abort(new G3Error('worker/released', 'nobody waits for this model any more'))
      await entry.loading.then(
        ({ model }) => model[Symbol.asyncDispose](),
        () => {},
      )
    }
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
    try {
      return { held: await Promise.race([entry.loading, aborted]), release }
    } catch (error) {
      // Whoever aborted does not wait for the files to be closed.
      void release()
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
      entry.listeners.delete(tell)
    }
  }
}

async function loadHeld(
  open: OpenWished,
  { source: _, mmproj: __, backend: wish, share: ___, ...options }: WireLoad,
  files: Pick<LoadOptions, 'source' | 'mmproj'>,
  signal: AbortSignal,
  tell: (event: LoadEvent) => void,
): Promise<Held> {
  let caps: ModelFacts['backend'] | undefined
  const model = await loadModel({
    ...options,
    ...files,
    signal,
    async backend(workload) {
      const backend = await open(workload, wish)
      const { name, description, threads } = backend.caps
      caps = { name, description, threads }
      return backend
    },
    onProgress: (done, total) => tell({ kind: 'progress', done, total }),
    onNotice: (notice) => tell({ kind: 'notice', notice }),
  })
  const { name, config, instructionTuned, seesImages, context, sequences } = model
  check(caps !== undefined, 'worker/no-backend', 'the model was loaded without a backend')
  return {
    model,
    facts: { name, config, instructionTuned, seesImages, context, sequences, backend: caps },
    constraints: lazyConstraints(model),
  }
}

function lazyConstraints(model: Model): Held['constraints'] {
  let cache: Promise<(text: ConstraintText) => Constraints> | undefined
  return async (text) => {
    cache ??= import('./constraint-text.js').then(({ constraintCache }) => constraintCache(() => model.vocabulary()))
    // What failed for want of a network may work the next time.
    cache.catch(() => (cache = undefined))
    return (await cache)(text)
  }
}

const settingsOf = ({ source, mmproj, share: _, ...options }: WireLoad): string =>
  JSON.stringify([source, mmproj, options])

/** What only one page can read would be gone with it. */
function checkShareable({ source, mmproj }: WireLoad): void {
  const isOwn = [source, mmproj].every((file) => !file || 'url' in file)
  check(
    isOwn,
    'worker/unshareable',
    'a shared model is loaded from an address: other pages cannot tell whether their files are the same',
  )
}
