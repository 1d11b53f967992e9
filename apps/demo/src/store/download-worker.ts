// A download's worker: bytes go from the network into the site's private files without the page.
import { failureOf } from '../app/failure.js'
import { DATA_FILE, type DownloadNews, type DownloadOrder } from './messages.js'
import type { Sink } from './sink.js'
import { transfer } from './transfer.js'

/** Told ten times a second at most. */
const TELL_MS = 100

/** The part of a file's synchronous handle in use; TypeScript knows it in workers only. */
interface SyncHandle {
  read(into: Uint8Array, options: { at: number }): number
  write(bytes: Uint8Array, options: { at: number }): number
  truncate(size: number): void
  getSize(): number
  flush(): void
  close(): void
}
interface SyncFile {
  createSyncAccessHandle(): Promise<SyncHandle>
}

const abort = new AbortController()
const tell = (news: DownloadNews): void => postMessage(news)

addEventListener('message', ({ data }: MessageEvent<DownloadOrder>) => {
  switch (data.kind) {
    case 'start':
      return void run(data)
    case 'pause':
      return abort.abort(new DOMException('paused', 'AbortError'))
    default:
      return data satisfies never
  }
})

async function run({ folder, url, sha256, mark }: Extract<DownloadOrder, { kind: 'start' }>): Promise<void> {
  let handle: SyncHandle | undefined
  let news: DownloadNews
  try {
    const models = await (await navigator.storage.getDirectory()).getDirectoryHandle('models', { create: true })
    const place = await models.getDirectoryHandle(folder, { create: true })
    const file: unknown = await place.getFileHandle(DATA_FILE, { create: true })
    handle = await (file as SyncFile).createSyncAccessHandle()
    let told = 0
    const hash = await transfer({
      url,
      sink: sinkOf(handle),
      signal: abort.signal,
      ...(sha256 !== undefined && { sha256 }),
      ...(mark && { mark }),
      onMark: (found) => tell({ kind: 'mark', mark: found }),
      onProgress(done, total) {
        const now = performance.now()
        if (now - told < TELL_MS && done < total) return
        told = now
        tell({ kind: 'progress', done, total })
      },
    })
    news = { kind: 'done', sha256: hash, size: handle.getSize() }
  } catch (error) {
    news = abort.signal.aborted ? { kind: 'paused' } : { kind: 'failed', failure: failureOf(error) }
  } finally {
    handle?.close()
  }
  tell(news)
}

function sinkOf(handle: SyncHandle): Sink {
  let size = handle.getSize()
  return {
    get size() {
      return size
    },
    read: (at, into) => handle.read(into, { at }),
    write(at, bytes) {
      const written = handle.write(bytes, { at })
      // Some browsers write a part and say no more when the storage is full.
      if (written < bytes.byteLength) throw new DOMException('the storage is full', 'QuotaExceededError')
      size = Math.max(size, at + written)
    },
    truncate(length) {
      handle.truncate(length)
      size = length
    },
    flush: () => handle.flush(),
  }
}
