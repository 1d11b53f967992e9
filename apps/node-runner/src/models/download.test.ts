import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { download, type FetchOptions } from './download.js'
import type { RemoteFile } from './remote.js'
import { serving, testServer, type Handler, type TestServer } from './testing/file-server.js'
import { modelBytes, sha256, temporaryFolder, type TemporaryFolder } from './testing/files.js'

const BYTES = modelBytes(200_000)
const SHA = sha256(BYTES)
const LIMITS = { answerMs: 2000, stallMs: 2000, retryMs: 1, tries: 3 }

let folder: TemporaryFolder
let path: string
beforeEach(async () => {
  folder = await temporaryFolder()
  path = join(folder.path, 'model.gguf')
})
afterEach(() => folder[Symbol.asyncDispose]())

const hubFileOn = (server: TestServer, token?: string): RemoteFile => ({
  url: new URL(`${server.url}/file`),
  name: 'model.gguf',
  hub: { origin: server.url, token },
})

const fetchWith = (server: TestServer, options: FetchOptions = {}, file = hubFileOn(server)): Promise<void> =>
  download(file, path, { ...options, limits: { ...LIMITS, ...options.limits } })

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (cause: unknown) => (cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)),
  )

const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    void response.writeHead(code, headers).end('no')

describe('a download', () => {
  it('puts the whole file in place and leaves nothing beside it', async () => {
    await using server = await testServer(serving({ bytes: BYTES, headers: { 'x-linked-etag': `"${SHA}"` } }))
    const seen: [number, number][] = []
    await fetchWith(server, { onProgress: (bytes, total) => seen.push([bytes, total]) })
    expect(sha256(await readFile(path))).toBe(SHA)
    expect(await readdir(folder.path)).toEqual(['model.gguf'])
    expect(seen.every(([, total]) => total === BYTES.length)).toBe(true)
    expect(seen.map(([bytes]) => bytes)).toEqual(seen.map(([bytes]) => bytes).toSorted((a, b) => a - b))
    expect(seen.at(-1)).toEqual([BYTES.length, BYTES.length])
  })

  it('goes on where a connection was cut, wherever that is', async () => {
    const offsets = [1, 3, 4, 5, 16_383, 16_384, 16_385, 99_999, BYTES.length - 1]
    for (let offset = 7919; offset < BYTES.length; offset += 7919) offsets.push(offset)
    let kept = 0
    for (const offset of offsets) {
      await using server = await testServer(
        serving({ bytes: BYTES, cuts: [offset], headers: { 'x-linked-etag': SHA } }),
      )
      const place = join(folder.path, `cut-${offset}.gguf`)
      await download(hubFileOn(server), place, { limits: LIMITS })
      expect(sha256(await readFile(place))).toBe(SHA)
      // A cut may take the last bytes that arrived with it; what was written is never asked for again.
      const from = Number(/\d+/.exec(server.asked[1]?.range ?? '0')?.[0])
      expect(server.asked.length).toBe(2)
      expect(from).toBeLessThanOrEqual(offset)
      expect(server.sent).toBe(BYTES.length + offset - from)
      if (from === offset) kept++
    }
    expect(kept).toBeGreaterThan(offsets.length / 2)
  })

  it('goes on in a later run, and asks that the file be the same', async () => {
    await using server = await testServer(serving({ bytes: BYTES, cuts: [50_000, 120_000] }))
    const once = { limits: { tries: 1 } }
    await expect(fetchWith(server, once)).rejects.toMatchObject({
      code: 'models/cut',
      message: /1 MB of 1 MB are kept/,
    })
    expect(await codeOf(fetchWith(server, once))).toBe('models/cut')
    await fetchWith(server, once)
    expect(server.asked.slice(1)).toMatchObject([
      { range: 'bytes=50000-', ifRange: '"v1"' },
      { range: 'bytes=120000-', ifRange: '"v1"' },
    ])
    expect(sha256(await readFile(path))).toBe(SHA)
  })

  it('begins again when the file changed on the server', async () => {
    const changed = modelBytes(150_000, 7)
    let handler = serving({ bytes: BYTES, cuts: [50_000] })
    await using server = await testServer((...args) => handler(...args))
    await codeOf(fetchWith(server, { limits: { tries: 1 } }))
    handler = serving({ bytes: changed, etag: '"v2"' })
    await fetchWith(server)
    expect(sha256(await readFile(path))).toBe(sha256(changed))
  })

  it('begins again when what an earlier run left was damaged', async () => {
    await using server = await testServer(serving({ bytes: BYTES, cuts: [50_000], headers: { 'x-linked-etag': SHA } }))
    await codeOf(fetchWith(server, { limits: { tries: 1 } }))
    const part = await readFile(`${path}.part`)
    await writeFile(`${path}.part`, part.fill(0, 100, 200))
    await fetchWith(server)
    expect(sha256(await readFile(path))).toBe(SHA)
  })

  it.each<[string, string]>([
    ['no notes', ''],
    ['notes that are no JSON', '{'],
    ['notes of another shape', '{"url":1,"size":"x"}'],
    ['notes of another address', JSON.stringify({ url: 'http://other/', size: 200_000, validator: '"v1"' })],
  ])('begins again with %s beside the part', async (_, notes) => {
    await using server = await testServer(serving({ bytes: BYTES }))
    await writeFile(`${path}.part`, 'GGUF of somebody else')
    if (notes) await writeFile(`${path}.part.json`, notes)
    await fetchWith(server)
    expect(server.asked).toMatchObject([{ range: undefined }])
    expect(sha256(await readFile(path))).toBe(SHA)
  })

  it('survives a server without ranges, one that sends another part, and one that says the file is shorter', async () => {
    const answers: Handler[] = [
      (request, response, server) => {
        delete request.headers.range
        return serving({ bytes: BYTES })(request, response, server)
      },
      (request, response, server) =>
        request.headers.range === undefined
          ? serving({ bytes: BYTES })(request, response, server)
          : void response
              .writeHead(206, {
                'content-range': `bytes 0-${BYTES.length - 1}/${BYTES.length}`,
                'content-length': BYTES.length,
              })
              .end(BYTES),
      (request, response, server) =>
        request.headers.range === undefined
          ? serving({ bytes: BYTES })(request, response, server)
          : status(416)(request, response, server),
    ]
    for (const [i, after] of answers.entries()) {
      let handler = serving({ bytes: BYTES, cuts: [50_000] })
      await using server = await testServer((...args) => handler(...args))
      path = join(folder.path, `${i}.gguf`)
      expect(await codeOf(fetchWith(server, { limits: { tries: 1 } }))).toBe('models/cut')
      handler = after
      await fetchWith(server)
      expect(sha256(await readFile(path))).toBe(SHA)
    }
  })

  it('starts over from a server that gives nothing to recognise the file by, and says so when it gives up', async () => {
    const plain: Handler = (_, response) => {
      response.writeHead(200, { 'content-length': BYTES.length })
      response.write(BYTES.subarray(0, 60_000), () => setTimeout(() => response.destroy(), 5))
    }
    await using server = await testServer(plain)
    await expect(fetchWith(server)).rejects.toMatchObject({ code: 'models/cut', message: /cannot go on in the middle/ })
    expect(server.asked.map(({ range }) => range)).toEqual([undefined, undefined, undefined])
  })

  it('refuses and deletes a file with a wrong sha256', async () => {
    await using server = await testServer(
      serving({ bytes: BYTES, headers: { 'x-linked-etag': `"${'0'.repeat(64)}"` } }),
    )
    expect(await codeOf(fetchWith(server))).toBe('models/checksum')
    expect(await readdir(folder.path)).toEqual([])
    expect(server.asked.length).toBe(1)
  })

  it('refuses what is no GGUF file after its first bytes', async () => {
    await using sizeless = await testServer((_, response) => (response.write('GGUF'), void response.end()))
    await expect(fetchWith(sizeless)).rejects.toMatchObject({ code: 'models/http', message: /does not say how large/ })
    await using page = await testServer(
      (_, response) => void response.writeHead(200, { 'content-length': 15 }).end('<!DOCTYPE html>'),
    )
    await expect(fetchWith(page)).rejects.toMatchObject({ code: 'models/not-gguf', message: /"<!DO"/ })
    await using nothing = await testServer(
      (_, response) => void response.writeHead(200, { 'content-length': 2 }).end('GG'),
    )
    await expect(fetchWith(nothing)).rejects.toMatchObject({ code: 'models/not-gguf' })
    expect(await readdir(folder.path)).toEqual([])
  })
})

describe('answers that are no file', () => {
  it.each<[number, string, number, RegExp?]>([
    [401, 'models/unauthorized', 1, /private or gated.*HF_TOKEN/],
    [403, 'models/unauthorized', 1, /403, Access to model x is restricted/],
    [404, 'models/no-file', 1],
    [410, 'models/no-file', 1],
    [429, 'models/unavailable', 3, /after 7 s/],
    [500, 'models/unavailable', 3],
    [503, 'models/unavailable', 3],
    [400, 'models/http', 1],
    [204, 'models/http', 1],
  ])('status %i is %s', async (code, expected, requests, message = /./) => {
    await using server = await testServer(
      status(code, { 'retry-after': '7', 'x-error-message': 'Access to model x is restricted' }),
    )
    await expect(fetchWith(server)).rejects.toMatchObject({ code: expected, message })
    expect(server.asked.length).toBe(requests)
    expect(await readdir(folder.path)).toEqual([])
  })

  it('says that a token is not enough, and does not speak of one where none is sent', async () => {
    await using server = await testServer(status(403))
    await expect(fetchWith(server, {}, hubFileOn(server, 'hf_x'))).rejects.toMatchObject({
      message: /token in HF_TOKEN may not read it/,
    })
    const elsewhere = { url: new URL(`${server.url}/file`), name: 'model.gguf' }
    await expect(fetchWith(server, {}, elsewhere)).rejects.toMatchObject({ message: /^(?!.*HF_TOKEN).*by other means/ })
  })

  it('comes back when a busy server has time again', async () => {
    let busy = 2
    await using server = await testServer((...args) => (busy-- > 0 ? status(429) : serving({ bytes: BYTES }))(...args))
    await fetchWith(server)
    expect(sha256(await readFile(path))).toBe(SHA)
  })

  it.each<[string, Record<string, string>, number?]>([
    ['compressed bytes', { 'content-encoding': 'gzip', 'content-length': '15' }],
    ['a part that was not asked for', { 'content-range': 'bytes 5-19/20', 'content-length': '15' }, 206],
    ['a part without its place', { 'content-length': '15' }, 206],
    ['more than it announced', { 'content-range': 'bytes 0-9/10', 'content-length': '15' }, 206],
    ['a redirect to nowhere', {}, 302],
    ['a redirect to a file of this machine', { location: 'file:///etc/passwd' }, 302],
    ['a redirect to itself', { location: '/file' }, 302],
  ])('%s is refused', async (_, headers, code = 200) => {
    await using server = await testServer(
      (_request, response) => void response.writeHead(code, headers).end('GGUF and 11 more'.slice(0, 15)),
    )
    expect(await codeOf(fetchWith(server))).toBe('models/http')
    expect(server.asked.length).toBeLessThan(9)
  })

  it('a server that is not there is told at once, one that goes away is tried again', async () => {
    const server = await testServer(serving({ bytes: BYTES, cuts: [50_000] }))
    const file = hubFileOn(server)
    let gone: Promise<void> | undefined
    const first = fetchWith(
      server,
      { onProgress: (done) => (gone ??= done >= 50_000 ? Promise.resolve(server[Symbol.asyncDispose]()) : undefined) },
      file,
    )
    await expect(first).rejects.toMatchObject({ code: 'models/cut', message: /3 failures in a row.*are kept/ })
    await gone
    await expect(fetchWith(server, {}, file)).rejects.toMatchObject({
      code: 'models/unreachable',
      message: /ECONNREFUSED|connect/,
    })
  })

  it('a server that never answers, or stops in the middle, is given up', async () => {
    await using silent = await testServer(() => undefined)
    await expect(fetchWith(silent, { limits: { answerMs: 50 } })).rejects.toMatchObject({
      code: 'models/unreachable',
      message: /no answer/,
    })
    await using stopping = await testServer(
      (_, response) => void response.writeHead(200, { 'content-length': 1000 }).write('GGUF'),
    )
    await expect(fetchWith(stopping, { limits: { stallMs: 50 } })).rejects.toMatchObject({
      code: 'models/cut',
      message: /nothing came for 0.05 s/,
    })
  })
})

describe('the token', () => {
  it("goes to the hub and not where it redirects to, while the hub's word on the sha256 counts", async () => {
    await using storage = await testServer(serving({ bytes: BYTES, headers: { 'x-linked-etag': '0'.repeat(64) } }))
    await using hub = await testServer((request, response) => {
      if (request.url === '/file') response.writeHead(307, { location: '/moved' }).end()
      else response.writeHead(302, { location: `${storage.url}/bytes`, 'x-linked-etag': `"${SHA}"` }).end()
    })
    await fetchWith(hub, {}, hubFileOn(hub, 'hf_secret'))
    expect(hub.asked).toMatchObject([
      { authorization: 'Bearer hf_secret' },
      { path: '/moved', authorization: 'Bearer hf_secret' },
    ])
    expect(storage.asked).toMatchObject([{ path: '/bytes', authorization: undefined }])
  })

  it('does not follow to the same host at another port, and a wrong sha256 of the hub is noticed there', async () => {
    await using storage = await testServer(serving({ bytes: BYTES, cuts: [70_000] }))
    await using hub = await testServer(
      (_, response) =>
        void response.writeHead(302, { location: `${storage.url}/bytes`, etag: `"${'1'.repeat(64)}"` }).end(),
    )
    expect(await codeOf(fetchWith(hub, {}, hubFileOn(hub, 'hf_secret')))).toBe('models/checksum')
    expect(storage.asked).toMatchObject([
      { range: undefined, authorization: undefined },
      { range: 'bytes=70000-', authorization: undefined },
    ])
  })
})

describe('a full disk', () => {
  it('is told before anything is written', async () => {
    await using server = await testServer(serving({ bytes: BYTES }))
    const free = fetchWith(server, { limits: { freeBytes: async () => 5_000_000 } })
    await expect(free).rejects.toMatchObject({
      code: 'models/disk-full',
      message: /1 MB are needed.*5 MB are free.*G3_CACHE/,
    })
    expect(server.asked.length).toBe(1)
    expect(await readdir(folder.path)).toEqual([])
  })

  it('asks only for the room that the rest needs', async () => {
    await using server = await testServer(serving({ bytes: BYTES, cuts: [150_000] }))
    await codeOf(fetchWith(server, { limits: { tries: 1 } }))
    await fetchWith(server, { limits: { freeBytes: async () => (16 << 20) + 50_000 } })
    expect((await stat(path)).size).toBe(BYTES.length)
  })
})

describe('cancelling', () => {
  it('stops at once, keeps what is there and frees the lock', async () => {
    await using server = await testServer(serving({ bytes: BYTES, pieceMs: 5 }))
    const stop = new AbortController()
    const reason = new Error('enough')
    const running = fetchWith(server, {
      signal: stop.signal,
      onProgress: (bytes) => bytes > 60_000 && stop.abort(reason),
    })
    await expect(running).rejects.toBe(reason)
    expect((await readdir(folder.path)).toSorted()).toEqual(['model.gguf.part', 'model.gguf.part.json'])
    await fetchWith(server)
    expect(Number(/\d+/.exec(server.asked[1]?.range ?? '')?.[0])).toBeGreaterThan(60_000)
    expect(sha256(await readFile(path))).toBe(SHA)
  })
})
