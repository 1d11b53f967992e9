import { computed, signal, type ReadonlySignal } from '@preact/signals'
import { G3Error } from '@g3/backend'
import { failureOf, type Failure } from '../app/failure.js'
import type { ModelChoice } from '../engine/engine.js'
import type { Folder } from './files.js'
import { hubHash, type HubPlace } from './hub.js'
import { parseRecord, type ModelRecord } from './record.js'
import { DATA_FILE, type DownloadNews, type DownloadOrder } from './messages.js'

/** A model in the site's files, whole or in part. */
export interface StoredModel {
  readonly record: ModelRecord
  /** Bytes that are there. */
  readonly bytes: number
  readonly state: 'whole' | 'part' | 'coming'
  /** Why it stopped coming. */
  readonly failure?: Failure
}

/** What is to be downloaded. */
export interface DownloadWish {
  readonly id: string
  readonly title: string
  readonly url: string
  /** About so many bytes; 0 where nobody knows. */
  readonly bytes: number
  readonly hub?: HubPlace
}

/** The models that this site keeps on the device. */
export interface ModelStore {
  readonly models: ReadonlySignal<readonly StoredModel[]>
  /** Looks what is there. */
  refresh(): Promise<void>
  /** Begins or goes on; ends when all is there, or at a pause. @throws G3Error `store/…`: what came stays */
  download(wish: DownloadWish): Promise<void>
  pause(id: string): Promise<void>
  /** Stops it if it is coming, and deletes what is there. */
  remove(id: string): Promise<void>
  /** @throws G3Error `store/changed` where the file is not the one that was downloaded */
  open(id: string): Promise<ModelChoice>
}

interface Coming {
  readonly worker: Worker
  readonly ended: Promise<void>
}

const RECORD_FILE = 'record.json'

/** @param root the site's folder */
export function modelStore(root: () => Promise<Folder>): ModelStore {
  const list = signal<readonly StoredModel[]>([])
  const coming = new Map<string, Coming>()
  const models = async (): Promise<Folder> => (await root()).folder('models')

  const put = (model: StoredModel): void => {
    const others = list.peek().filter(({ record }) => record.id !== model.record.id)
    list.value = [...others, model].sort((a, b) => a.record.title.localeCompare(b.record.title))
  }
  const drop = (id: string): void => {
    list.value = list.peek().filter(({ record }) => record.id !== id)
  }
  const save = async (record: ModelRecord): Promise<void> =>
    (await (await models()).folder(record.id)).write(RECORD_FILE, JSON.stringify(record))

  const read = async (id: string): Promise<StoredModel | undefined> => {
    const folder = await (await models()).folder(id)
    const text = await (await folder.file(RECORD_FILE))?.text()
    const record = text === undefined ? undefined : parseRecord(text, id)
    const bytes = (await folder.file(DATA_FILE))?.size ?? 0
    if (record === undefined) return undefined
    const isWhole = record.sha256 !== undefined && bytes === record.mark?.size
    return { record, bytes, state: isWhole ? 'whole' : 'part' }
  }

  const store: ModelStore = {
    models: computed(() => list.value),
    async refresh() {
      for (const id of await (await models()).folders()) {
        if (coming.has(id)) continue
        const model = await read(id)
        // A folder that no record explains is what a closed page left behind.
        if (model) put(model)
        else await (await models()).remove(id).catch(() => {})
      }
    },
    async download(wish) {
      const { id, title, url } = wish
      if (coming.has(id)) return
      const before = await read(id)
      if (before?.state === 'whole') return put(before)
      await checkRoom(Math.max(0, wish.bytes - (before?.bytes ?? 0)))
      let record: ModelRecord = before?.record.url === url ? before.record : { id, title, url }
      await save(record)
      const sha256 = await hubHash(wish.hub)
      put({ record, bytes: before?.bytes ?? 0, state: 'coming' })

      const start: DownloadOrder = {
        kind: 'start',
        folder: id,
        url,
        ...(sha256 !== undefined && { sha256 }),
        ...(record.mark && { mark: record.mark }),
      }
      const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
      const worker = new Worker(new URL('./download-worker.ts', import.meta.url), { type: 'module', name: 'download' })
      coming.set(id, { worker, ended })
      // The record is written in the order in which it changes.
      let saving: Promise<unknown> = Promise.resolve()
      const keep = (changed: ModelRecord): Promise<unknown> => {
        record = changed
        return (saving = saving.then(() => save(changed)))
      }
      worker.onmessage = ({ data }: MessageEvent<DownloadNews>) => {
        switch (data.kind) {
          case 'mark':
            return void keep({ ...record, mark: data.mark }).catch(reject)
          case 'progress':
            return put({ record, bytes: data.done, state: 'coming' })
          case 'done':
            return void keep({ ...record, sha256: data.sha256 }).then(() => resolve(), reject)
          case 'paused':
            return resolve()
          case 'failed':
            return reject(new G3Error(data.failure.code, data.failure.message))
          default:
            return data satisfies never
        }
      }
      worker.onerror = ({ message }) => reject(new G3Error('store/worker', `the download's worker failed: ${message}`))
      // One tab at a time writes a model.
      const taken = await withLock(`g3 model ${id}`, async () => {
        worker.postMessage(start)
        await ended
      }).then(
        (mine) => (mine ? undefined : new G3Error('store/elsewhere', 'another tab of this site downloads this model')),
        (error: unknown) => error,
      )
      worker.terminate()
      coming.delete(id)
      const after = await read(id)
      if (after) put(taken === undefined ? after : { ...after, failure: failureOf(taken) })
      else drop(id)
      if (taken !== undefined) throw taken
    },
    async pause(id) {
      const running = coming.get(id)
      if (running === undefined) return
      const order: DownloadOrder = { kind: 'pause' }
      running.worker.postMessage(order)
      await running.ended.catch(() => {})
    },
    async remove(id) {
      await store.pause(id)
      await (await models()).remove(id)
      drop(id)
    },
    async open(id) {
      const model = await read(id)
      const folder = await (await models()).folder(id)
      const file = await folder.file(DATA_FILE)
      if (model?.state !== 'whole' || file === undefined) {
        if (model) put(model)
        throw new G3Error('store/changed', 'this model is not whole: go on with its download, or delete it')
      }
      return { id, title: model.record.title, source: file }
    },
  }
  return store
}

/** Whether there will be room, before anything is fetched. @throws G3Error `store/full` */
async function checkRoom(bytes: number): Promise<void> {
  const { quota, usage = 0 } = await navigator.storage.estimate()
  if (quota === undefined || quota - usage >= bytes) return
  const [need, free] = [bytes, quota - usage].map((size) => `${Math.ceil(size / 1e6)} MB`)
  const message = `it needs ${need}, and the browser gives this site ${free} more: delete a model or free space on this device`
  throw new G3Error('store/full', message)
}

/** Runs work while no other tab holds the name. @returns false, without running it, where one does */
const withLock = (name: string, work: () => Promise<void>): Promise<boolean> =>
  navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock === null) return false
    await work()
    return true
  })
