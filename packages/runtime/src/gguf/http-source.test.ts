import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { bytesSource } from './byte-source.js'
import { readGguf, tensorNamed } from './gguf.js'
import { parseContentRange } from './http-range.js'
import { httpSource, type HttpSourceOptions } from './http-source.js'

const file = fixtureBytes('tiny-random/tiny-text-f32.gguf')
const ETAG = '"one"'

interface Ranged {
  readonly start: number
  readonly end: number
  /** 1 for the first request to this server. */
  readonly nth: number
}
type Handler = (request: IncomingMessage, response: ServerResponse, range: Ranged) => void

/** A correct answer, with headers changed where a test wants another. */
function answer(
  response: ServerResponse,
  { start, end }: Ranged,
  headers: Record<string, string> = {},
  body = file.subarray(start, end),
): void {
  response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${file.byteLength}`, etag: ETAG, ...headers })
  response.end(body)
}

const closing: (() => void)[] = []
afterEach(() => closing.splice(0).forEach((close) => close()))

async function serve(handler: Handler): Promise<{ url: string; requests: () => number }> {
  let nth = 0
  const server = createServer((request, response) => {
    nth += 1
    const [, first = '0', last = '0'] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []
    handler(request, response, { start: Number(first), end: Math.min(Number(last) + 1, file.byteLength), nth })
  })
  closing.push(() => (server.closeAllConnections(), server.close()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/tiny.gguf?sig=secret`,
    requests: () => nth,
  }
}

const quick: HttpSourceOptions = { retryMs: 1, stallMs: 200 }
const opening = (handler: Handler, options: HttpSourceOptions = quick) =>
  serve(handler).then(({ url }) => httpSource(url, options))

describe('httpSource', () => {
  it('reads a whole model as bytesSource does, small tensors without a request each', async () => {
    const { url, requests } = await serve((_, response, range) => answer(response, range))
    const source = await httpSource(url, quick)
    expect(source).toMatchObject({ size: file.byteLength, name: 'tiny.gguf' })
    const gguf = await readGguf(source)
    const local = await readGguf(bytesSource(file))
    for (const { name, byteLength } of local.tensors.values()) {
      const here = new Uint8Array(new SharedArrayBuffer(byteLength))
      const there = new Uint8Array(byteLength)
      await tensorNamed(gguf, name).read(0, here)
      await tensorNamed(local, name).read(0, there)
      expect(Buffer.compare(here, there), name).toBe(0)
    }
    expect(requests()).toBeLessThan(12)
  })

  it('concurrent reads do not disturb each other', async () => {
    const source = await opening(
      (_, response, range) => void setTimeout(() => answer(response, range), Math.random() * 20),
    )
    const offsets = Array.from({ length: 40 }, (_, i) => (i * 33_331) % (file.byteLength - 1000))
    const parts = await Promise.all(
      offsets.map(async (offset) => {
        const into = new Uint8Array(1000)
        await source.read(offset, into)
        return into
      }),
    )
    offsets.forEach((offset, i) => expect(parts[i]).toEqual(file.slice(offset, offset + 1000)))
  })

  it('goes on where a connection was cut', async () => {
    const starts: number[] = []
    const source = await opening((_, response, range) => {
      starts.push(range.start)
      if (range.nth % 3 === 0) return answer(response, range)
      response.writeHead(206, {
        'content-range': `bytes ${range.start}-${range.end - 1}/${file.byteLength}`,
        etag: ETAG,
        'content-length': range.end - range.start,
      })
      response.write(file.subarray(range.start, range.start + 100_000), () => response.destroy())
    })
    expect(starts).toEqual([0, 100_000, 200_000])
    const into = new Uint8Array(500_000)
    await source.read(800_000, into)
    expect(Buffer.compare(into, file.subarray(800_000, 1_300_000))).toBe(0)
    expect(starts.slice(3)).toEqual([800_000, 900_000, 1_000_000])
  })

  it('waits out a busy server', async () => {
    const source = await opening((_, response, range) =>
      range.nth < 3 ? response.writeHead(range.nth === 1 ? 429 : 503).end() : answer(response, range),
    )
    expect(source.size).toBe(file.byteLength)
  })

  it('sends the headers it was given', async () => {
    const source = await opening(
      (request, response, range) =>
        request.headers.authorization === 'Bearer t' ? answer(response, range) : response.writeHead(401).end(),
      {
        ...quick,
        headers: { authorization: 'Bearer t' },
      },
    )
    expect(source.size).toBe(file.byteLength)
  })

  const lie =
    (headers: Record<string, string>): Handler =>
    (_, response, range) =>
      answer(response, range, headers)
  const size = file.byteLength
  it.each<[string, string, Handler]>([
    ['no such file', 'gguf/http-status', (_, response) => response.writeHead(404).end('no')],
    ['no permission', 'gguf/http-status', (_, response) => response.writeHead(403).end()],
    [
      'an empty file',
      'gguf/http-status',
      (_, response) => response.writeHead(416, { 'content-range': 'bytes */0' }).end(),
    ],
    ['ranges ignored', 'gguf/http-no-ranges', (_, response) => response.writeHead(200).end(file)],
    ['no Content-Range', 'gguf/http-no-ranges', (_, response) => response.writeHead(206).end(file)],
    ['a compressed answer', 'gguf/http-no-ranges', lie({ 'content-encoding': 'x-packed' })],
    ['another range', 'gguf/http-range', lie({ 'content-range': `bytes 1-${2 ** 20}/${size}` })],
    ['a shorter range', 'gguf/http-range', lie({ 'content-range': `bytes 0-99/${size}` })],
    ['an unknown size', 'gguf/http-range', lie({ 'content-range': `bytes 0-${2 ** 20 - 1}/*` })],
    ['a size past 2^53', 'gguf/http-range', lie({ 'content-range': `bytes 0-${2 ** 20 - 1}/9999999999999999` })],
    ['a range that is nonsense', 'gguf/http-range', lie({ 'content-range': 'bytes nine to five' })],
    ['more bytes than the range', 'gguf/http-range', (_, response, range) => answer(response, range, {}, file)],
    [
      'fewer bytes than the range, each time',
      'gguf/http-failed',
      (_, response, range) => answer(response, range, {}, file.subarray(0, 9)),
    ],
    ['a failing server', 'gguf/http-failed', (_, response) => response.writeHead(500).end()],
    ['a cut connection', 'gguf/http-failed', (_, response) => void response.destroy()],
    ['a server that never answers', 'gguf/http-failed', () => {}],
    [
      'a server that stops in the middle',
      'gguf/http-failed',
      (_, response, { start, end }) =>
        void response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${size}` }).write('x'),
    ],
  ])('%s is a clear error', async (_, code, handler) => {
    const error: unknown = await opening(handler).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^tiny\.gguf/) })
    expect(String(error)).not.toContain('secret')
  })

  it('nobody at the address is a clear error', async () => {
    await expect(httpSource('http://127.0.0.1:9/x.gguf', quick)).rejects.toMatchObject({
      code: 'gguf/http-failed',
      message: /network/,
    })
  })

  it.each<[string, Record<string, string>]>([
    ['another ETag', { etag: '"two"' }],
    ['no ETag any more', { etag: '' }],
    ['another size', { 'content-range': `bytes 1100000-1199999/${size + 1}` }],
  ])('a file that changes (%s) is an error', async (_, headers) => {
    const source = await opening((_, response, range) => answer(response, range, range.nth > 1 ? headers : {}))
    await expect(source.read(1_100_000, new Uint8Array(100_000))).rejects.toMatchObject({ code: 'gguf/http-changed' })
  })

  it('without ETags the date must stay', async () => {
    const dated = (nth: number) => ({ etag: '', 'last-modified': `Mon, 0${nth} Jan 2024 00:00:00 GMT` })
    const same = await opening((_, response, range) => answer(response, range, dated(1)))
    await same.read(1_100_000, new Uint8Array(100_000))
    const changed = await opening((_, response, range) => answer(response, range, dated(range.nth)))
    await expect(changed.read(1_100_000, new Uint8Array(100_000))).rejects.toMatchObject({ code: 'gguf/http-changed' })
  })

  it('stops when told, in a request and between two', async () => {
    const reason = new Error('enough')
    for (const handler of [
      () => {},
      (_: IncomingMessage, response: ServerResponse) => void response.writeHead(500).end(),
    ]) {
      const { url } = await serve(handler)
      const stop = new AbortController()
      setTimeout(() => stop.abort(reason), 30)
      await expect(httpSource(url, { retryMs: 60_000, signal: stop.signal })).rejects.toBe(reason)
    }
  })
})

describe('parseContentRange', () => {
  it('takes whole ranges only', () => {
    expect(parseContentRange('bytes 5-9/10')).toEqual({ start: 5, end: 10, size: 10 })
    for (const value of [
      'bytes 5-10/10',
      'bytes 6-5/10',
      'bytes */10',
      'bytes 0-1/*',
      'items 0-1/2',
      '',
      'bytes 0-1/2, 3-4/5',
    ]) {
      expect(parseContentRange(value), value).toBeUndefined()
    }
  })
})
