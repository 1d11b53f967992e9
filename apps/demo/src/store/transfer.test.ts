import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { memorySink } from './testing/memory-sink.js'
import { transfer, type FileMark, type TransferOptions } from './transfer.js'

const FILE = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) & 255)
const OTHER = FILE.map((byte) => byte ^ 1)
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

interface Served {
  bytes: Uint8Array
  etag: string | undefined
  /** Offsets at which connections are cut, each once. */
  cuts: number[]
  status?: number
  readonly ranges: (string | undefined)[]
}

const closing: (() => void)[] = []
afterEach(() => closing.splice(0).forEach((close) => close()))

async function serving(more: Partial<Served> = {}): Promise<{ served: Served; url: string }> {
  const served: Served = { bytes: FILE, etag: '"a"', cuts: [], ranges: [], ...more }
  const http = createServer((request, response) => void answer(served, request, response))
  closing.push(() => (http.closeAllConnections(), http.close()))
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const address = http.address()
  return { served, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/model.gguf` }
}

async function answer(served: Served, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const { bytes, etag, cuts, status } = served
  served.ranges.push(headers.range)
  if (status !== undefined) return void response.writeHead(status).end()
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
  response.writeHead(from > 0 ? 206 : 200, {
    ...(etag !== undefined && { etag }),
    'content-length': bytes.length - from,
    ...(from > 0 && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  })
  const cut = cuts.find((offset) => offset >= from)
  if (cut === undefined) return void response.end(bytes.subarray(from))
  cuts.splice(cuts.indexOf(cut), 1)
  await new Promise((resolve) => response.write(bytes.subarray(from, cut), resolve))
  // What was written still travels.
  setTimeout(() => response.destroy(), 5)
}

function run(url: string, more: Partial<TransferOptions> = {}) {
  const sink = memorySink()
  const marks: FileMark[] = []
  const options: TransferOptions = {
    url,
    sink,
    signal: new AbortController().signal,
    retryMs: 1,
    onMark: (mark) => marks.push(mark),
    onProgress: () => {},
    ...more,
  }
  return { sink, marks, options, done: transfer(options) }
}

describe('a transfer', () => {
  it('brings a whole file and its hash', async () => {
    const { url } = await serving()
    const { sink, marks, done } = run(url)
    expect(await done).toBe(hashOf(FILE))
    expect(sink.bytes()).toEqual(FILE)
    expect(marks).toEqual([{ size: FILE.length, validator: '"a"' }])
  })

  it('goes on where the network was cut, at each tenth', async () => {
    const tenths = Array.from({ length: 9 }, (_, i) => ((i + 1) * FILE.length) / 10)
    const { served, url } = await serving({ cuts: [...tenths] })
    const { sink, done } = run(url)
    expect(await done).toBe(hashOf(FILE))
    expect(sink.bytes()).toEqual(FILE)
    expect(served.ranges).toEqual([undefined, ...tenths.map((at) => `bytes=${at}-`)])
  })

  it('keeps what came when the network stays away, and goes on another time', async () => {
    const { served, url } = await serving({ cuts: [50_000, 50_000, 50_000, 50_000, 50_000] })
    const first = run(url)
    await expect(first.done).rejects.toMatchObject({ code: 'store/unreachable' })
    expect(first.sink.size).toBe(50_000)
    served.ranges.length = 0
    const [mark] = first.marks
    const second = run(url, { sink: first.sink, ...(mark && { mark }) })
    expect(await second.done).toBe(hashOf(FILE))
    expect(served.ranges).toEqual(['bytes=50000-'])
  })

  it('fetches a file anew that was swapped in between', async () => {
    const { served, url } = await serving({ cuts: [120_000] })
    const swapped = run(url, {
      onProgress(done) {
        if (done >= 100_000 && served.bytes === FILE) Object.assign(served, { bytes: OTHER, etag: '"b"' })
      },
    })
    expect(await swapped.done).toBe(hashOf(OTHER))
    expect(swapped.sink.bytes()).toEqual(OTHER)
    expect(served.ranges).toEqual([undefined, 'bytes=120000-', undefined])
  })

  it('trusts no part of a file without a mark', async () => {
    const { served, url } = await serving({ etag: undefined, cuts: [80_000] })
    const { sink, done } = run(url)
    await done
    expect(sink.bytes()).toEqual(FILE)
    expect(served.ranges).toEqual([undefined, undefined])
  })

  it('keeps nothing of a file that is not what the hub announced', async () => {
    const { url } = await serving()
    const { sink, done } = run(url, { sha256: hashOf(OTHER) })
    await expect(done).rejects.toMatchObject({ code: 'store/changed' })
    expect(sink.size).toBe(0)
  })

  it('stops at once when it is told to, and keeps what came', async () => {
    const { url } = await serving()
    const abort = new AbortController()
    const { sink, done } = run(url, { signal: abort.signal, onProgress: () => abort.abort(new Error('paused')) })
    await expect(done).rejects.toThrow('paused')
    expect(sink.size).toBeGreaterThan(0)
  })

  it('passes on that the storage is full', async () => {
    const { url } = await serving()
    const full = new DOMException('full', 'QuotaExceededError')
    const { done } = run(url, { sink: memorySink(60_000, full) })
    await expect(done).rejects.toBe(full)
  })

  it.each([
    [404, 'store/http', /no such file/],
    [403, 'store/http', /licence/],
    [503, 'store/unreachable', /busy/],
  ])('says what a status of %i means', async (status, code, message) => {
    const { url } = await serving({ status })
    await expect(run(url).done).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})
