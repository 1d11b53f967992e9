import { check } from '@g3/backend'
import { bytesSource, type ByteSource } from '../gguf/index.js'
import type { FileSource, ModelSource } from '../generate/source.js'
import type { CheckpointFiles } from '../safetensors/index.js'
import type { Handlers } from './answering.js'
import type { PageCalls, WireFile, WireSource } from './calls.js'
import type { Peer } from './peer.js'

/** What the worker cannot open itself, the page reads for it: files by number, folders, streams of bytes. */
export interface PageFiles {
  readonly handlers: Handlers<PageCalls>
  source(source: ModelSource): WireSource
  file(source: FileSource): WireFile
  /** Lends a stream; `end` closes it and gives the number back. */
  stream(bytes: AsyncIterable<Uint8Array>): { readonly id: number; end(): Promise<void> }
}

export function pageFiles(): PageFiles {
  const files = new Map<number, ByteSource>()
  const folders = new Map<number, CheckpointFiles>()
  const streams = new Map<number, AsyncIterator<Uint8Array>>()
  let count = 0

  const lend = (source: ByteSource): WireFile => {
    const page = count++
    files.set(page, source)
    return { page, size: source.size, name: source.name }
  }
  const file = (source: FileSource): WireFile => {
    if (typeof source === 'string' || source instanceof URL) return { url: absolute(String(source)) }
    if (source instanceof Blob) return { blob: source }
    return lend(source instanceof Uint8Array ? bytesSource(source) : source)
  }

  return {
    file,
    source(source) {
      if (typeof source !== 'function') return file(source)
      const folder = count++
      folders.set(folder, source)
      return { folder }
    },
    stream(bytes) {
      const id = count++
      const iterator = bytes[Symbol.asyncIterator]()
      streams.set(id, iterator)
      const end = async (): Promise<void> => {
        if (streams.delete(id)) await iterator.return?.()
      }
      return { id, end }
    },
    handlers: {
      async read({ page, offset, length }, { signal, transfer }) {
        const source = files.get(page)
        check(source !== undefined, 'gguf/read', 'this file was closed already')
        const bytes = new Uint8Array(length)
        await source.read(offset, bytes, signal)
        transfer(bytes.buffer)
        return bytes
      },
      async open({ folder, name }) {
        const source = await folders.get(folder)?.(name)
        return source && lend(source)
      },
      async close({ page }) {
        const source = files.get(page)
        files.delete(page)
        await source?.close?.()
      },
      async next({ bytes }) {
        const step = await streams.get(bytes)?.next()
        if (step !== undefined && !step.done) return step.value
        streams.delete(bytes)
        return undefined
      },
    },
  }
}

/** A worker would resolve an address against its own program's. */
const absolute = (url: string): string =>
  typeof document === 'object' ? new URL(url, document.baseURI).href : new URL(url, globalThis.location?.href).href

/** Bytes that a page reads at a time, so that none of its turns is long. */
const PART = 2 << 20

/** The source as the worker sees it. */
export function openSource(wire: WireSource, page: Peer<PageCalls>): ModelSource {
  if (!('folder' in wire)) return openFile(wire, page)
  return async (name) => {
    const file = await page.call('open', { folder: wire.folder, name })
    return file && 'page' in file ? pageFile(file, page) : undefined
  }
}

export function openFile(wire: WireFile, page: Peer<PageCalls>): FileSource {
  if ('url' in wire) return wire.url
  return 'blob' in wire ? wire.blob : pageFile(wire, page)
}

const pageFile = (file: Extract<WireFile, { page: number }>, page: Peer<PageCalls>): ByteSource => ({
  size: file.size,
  name: file.name,
  async read(offset, into, signal) {
    for (let done = 0; done < into.byteLength; done += PART) {
      signal?.throwIfAborted()
      const length = Math.min(PART, into.byteLength - done)
      into.set(await page.call('read', { page: file.page, offset: offset + done, length }, { signal }), done)
    }
  },
  close: () => page.call('close', { page: file.page }),
})

/** A stream of the page's, as the worker sees it. */
export async function* pageStream(bytes: number, page: Peer<PageCalls>): AsyncGenerator<Uint8Array, void, undefined> {
  for (let part = await page.call('next', { bytes }); part; part = await page.call('next', { bytes })) yield part
}
