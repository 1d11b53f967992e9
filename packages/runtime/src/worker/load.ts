import type { LoadOptions } from '../generate/load.js'
import { holdLock, whenLetGo } from './alive.js'
import { VERSION, type BackendWish, type HostCalls, type PageCalls } from './calls.js'
import { pageFiles } from './page-files.js'
import { endedBy, peer } from './peer.js'
import { portOf } from './port.js'
import { connect, endWorker, letGo, type WorkerLike } from './worker-like.js'
import { workerModel, type WorkerModel } from './worker-model.js'

export interface WorkerLoadOptions extends Omit<LoadOptions, 'backend' | 'encoder'> {
  /**
   * The worker that loads and runs the model: one whose program calls `serve`. It stays yours, and may hold several models.
   * Or what starts one: that one ends with the model.
   */
  readonly worker: WorkerLike | (() => WorkerLike)
  /** What the model should run on. Default: what suits the machine. */
  readonly backend?: BackendWish
  /**
   * Models that are loaded by one worker under one name are one, which the last to dispose of it ends: so tabs share a model
   * of a `SharedWorker`. Its files must be addresses, the other options the same. Give it room for `sequences` that
   * write at a time.
   */
  readonly share?: string
}

/**
 * Loads a model in a worker. Nothing of it runs in this thread, which only reads files that the worker cannot: Blobs and
 * addresses it can.
 * @throws G3Error as `loadModel` of `@g3/runtime`, with the worker's codes and messages; `worker/ended` where it cannot be
 * started or ends, `worker/protocol` where it runs another version, `worker/other-settings`, `worker/unshareable`; the
 * signal's reason
 */
export async function loadModel(options: WorkerLoadOptions): Promise<WorkerModel> {
  const { worker: given, source, mmproj, backend = {}, signal, onProgress, onNotice, ...rest } = options
  signal?.throwIfAborted()
  const files = pageFiles()
  const isOwn = typeof given === 'function'
  const worker = isOwn ? given() : given
  if (isOwn) letGo(worker)

  const line = `g3 ${Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join('')}`
  let stopWatching = (): void => {}
  const port = portOf(
    connect(worker, (reason) => host.end(endedBy(reason))),
    true,
  )
  const host = peer<HostCalls, PageCalls>(port, files.handlers, () => stopWatching())
  const close = async (): Promise<void> => {
    host.end(endedBy('its model was disposed'))
    if (isOwn) await endWorker(worker)
  }
  try {
    const release = await holdLock(`${line} page`)
    stopWatching = release
    await host.call('hello', { version: VERSION, line }, { signal })
    const unwatch = whenLetGo(`${line} worker`, () => host.end(endedBy('it was terminated')))
    stopWatching = () => {
      unwatch()
      release()
    }
    const load = {
      ...rest,
      backend,
      source: files.source(source),
      ...(mmproj !== undefined && { mmproj: mmproj === false ? mmproj : files.file(mmproj) }),
    }
    const { model, ...facts } = await host.call('load', load, {
      signal,
      onEvent(event) {
        switch (event.kind) {
          case 'progress':
            return onProgress?.(event.done, event.total)
          case 'notice':
            return onNotice?.(event.notice)
          default:
            return event satisfies never
        }
      },
    })
    return workerModel(host, model, facts, files, close)
  } catch (error) {
    await close()
    throw error
  }
}
