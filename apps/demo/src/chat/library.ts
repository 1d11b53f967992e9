import { signal, type ReadonlySignal } from '@preact/signals'
import type { Folder } from '../store/files.js'
import { titleOf, type Conversation } from './conversation.js'
import { parseConversation } from './saved.js'

/** A conversation in the list. */
export interface Listed {
  readonly id: string
  readonly title: string
  readonly updated: number
}

/** What a saved text's caches belong to. */
export interface CacheNote {
  readonly model: string
}

/** The conversations that this site keeps on the device, each a folder with its images and caches. */
export interface Library {
  /** Latest first. */
  readonly list: ReadonlySignal<readonly Listed[]>
  refresh(): Promise<void>
  /** @throws G3Error `chat/bad-file` */
  read(id: string): Promise<Conversation | undefined>
  /** @throws `QuotaExceededError` where the storage is full: what was there before stays */
  write(conversation: Conversation): Promise<void>
  remove(id: string): Promise<void>
  image(id: string, name: string): Promise<Blob | undefined>
  writeImage(id: string, name: string, image: Blob): Promise<void>
  writeCache(id: string, note: CacheNote, bytes: AsyncIterable<Uint8Array>): Promise<void>
  /** The caches of a conversation with a model. */
  cache(id: string, model: string): Promise<File | undefined>
  dropCache(id: string): Promise<void>
  /** Tells of conversations that another tab has written or deleted. */
  onElsewhere(listener: (id: string) => void): () => void
}

const TEXT = 'conversation.json'
const CACHE = 'caches.g3'
const NOTE = 'caches.json'

export function library(root: () => Promise<Folder>): Library {
  const list = signal<readonly Listed[]>([])
  const line = new BroadcastChannel('g3 conversations')
  const listeners = new Set<(id: string) => void>()
  const all = async (): Promise<Folder> => (await root()).folder('conversations')
  const folder = async (id: string): Promise<Folder> => (await all()).folder(id)

  const put = (conversation: Conversation): void => {
    const { id, updated } = conversation
    const others = list.peek().filter((listed) => listed.id !== id)
    list.value = [...others, { id, updated, title: titleOf(conversation) }].sort((a, b) => b.updated - a.updated)
  }
  const drop = (id: string): void => {
    list.value = list.peek().filter((listed) => listed.id !== id)
  }
  const read = async (id: string): Promise<Conversation | undefined> => {
    // Asking for the folder would make it.
    if (!(await (await all()).folders()).includes(id)) return undefined
    const text = await (await (await folder(id)).file(TEXT))?.text()
    return text === undefined ? undefined : parseConversation(text)
  }

  line.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (typeof data !== 'string') return
    void read(data)
      .then((found) => (found ? put(found) : drop(data)))
      .finally(() => listeners.forEach((listener) => listener(data)))
      .catch(() => {})
  })

  return {
    list,
    async refresh() {
      for (const id of await (await all()).folders()) {
        try {
          const found = await read(id)
          if (found) put(found)
        } catch {
          // It can still be deleted.
          list.value = [...list.peek(), { id, title: 'A conversation that cannot be read', updated: 0 }]
        }
      }
    },
    read,
    async write(conversation) {
      await (await folder(conversation.id)).write(TEXT, JSON.stringify(conversation))
      put(conversation)
      line.postMessage(conversation.id)
    },
    async remove(id) {
      await (await all()).remove(id)
      drop(id)
      line.postMessage(id)
    },
    image: async (id, name) => (await folder(id)).file(name),
    writeImage: async (id, name, image) => (await folder(id)).write(name, image),
    async writeCache(id, note, bytes) {
      const place = await folder(id)
      // First the note goes, so that it never stands beside caches of another model.
      await place.remove(NOTE)
      await place.pour(CACHE, bytes)
      await place.write(NOTE, JSON.stringify(note))
    },
    async cache(id, model) {
      const place = await folder(id)
      const note = await (await place.file(NOTE))?.text()
      return note === JSON.stringify({ model }) ? place.file(CACHE) : undefined
    },
    async dropCache(id) {
      const place = await folder(id)
      await place.remove(NOTE)
      await place.remove(CACHE)
    },
    onElsewhere(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
