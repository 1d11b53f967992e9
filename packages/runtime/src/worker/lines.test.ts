import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { open } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileSource } from '../gguf/index.js'
import { fixtureBytes, fixturePath } from '../testing/fixtures.js'
import { loadModel, serve, type WorkerModel } from './index.js'
import { nodeWorker, nodeWorkerOf } from './testing/node-worker.js'

const coded = (code: string) => expect.objectContaining({ code })
const FILE = 'tiny-random/tiny-text-q8_0.gguf'
const backend = { backend: 'cpu', threads: 1 } as const
const PROMPT = Int32Array.of(2, 20, 30)
const options = { seed: 4, maxTokens: 6, stop: [] }

describe('files', () => {
  const worker = nodeWorker()
  afterAll(() => void worker.terminate())

  it.each([
    ['bytes', async () => fixtureBytes(FILE)],
    ['a Blob', async () => new Blob([fixtureBytes(FILE)])],
    ["an open file, which the worker's page reads", async () => fileSource(await open(fixturePath(FILE)))],
  ])('of a model may be %s', async (_, source) => {
    await using model = await loadModel({ worker, source: await source(), backend, context: 64 })
    const { ids } = await model.generate(PROMPT, options).result()
    expect(ids.length).toBeGreaterThan(0)
  })

  it('that are broken are refused by their code, and a load can be given up', async () => {
    const source = fixtureBytes(FILE).subarray(0, 3000)
    await expect(loadModel({ worker, source, backend })).rejects.toThrow(coded('gguf/truncated'))
    const signal = AbortSignal.abort('enough')
    await expect(loadModel({ worker, source, backend, signal })).rejects.toBe('enough')
    const late = new AbortController()
    const never = { size: 1e6, name: 'slow', read: () => new Promise<void>(() => {}) }
    const loading = loadModel({ worker, source: never, backend, signal: late.signal })
    setTimeout(() => late.abort('too slow'), 50)
    await expect(loading).rejects.toBe('too slow')
  })
})

describe('a worker', () => {
  it('that ends rejects all that waits, and all that comes', async () => {
    const worker = nodeWorker()
    const model = await loadModel({ worker, source: fixtureBytes(FILE), backend, context: 512 })
    const run = model.generate(PROMPT, { maxTokens: 500, stop: [] })
    const chunks = run[Symbol.asyncIterator]()
    await chunks.next()
    const waiting = [run.result(), model.logits(PROMPT)]
    const all = Promise.allSettled(waiting)
    await worker.terminate()
    for (const outcome of await all)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'worker/ended' } })
    await expect(model.encode('a')).rejects.toThrow(coded('worker/ended'))
    await model[Symbol.asyncDispose]()
  })

  it.each([
    ['throws at its start', "throw new Error('no such module')", /no such module/],
    ['ends', 'process.exit(3)', /code 3/],
  ])('that %s is told from one that is slow', async (_, program, message) => {
    const worker = () => nodeWorkerOf(program)
    await expect(loadModel({ worker, source: fixtureBytes(FILE) })).rejects.toMatchObject({
      code: 'worker/ended',
      message: expect.stringMatching(message),
    })
  })

  it('says what its program throws when it opens a backend', async () => {
    const program = `import { serve } from WORKER
      serve({ backend() { throw Object.assign(new TypeError('not today'), { cause: new Error('rain') }) } })`
    await expect(loadModel({ worker: () => nodeWorkerOf(program), source: fixtureBytes(FILE) })).rejects.toMatchObject({
      name: 'TypeError',
      message: 'not today',
      cause: { message: 'rain' },
    })
  })

  it('may be of another version', async () => {
    const program = `import { parentPort } from 'node:worker_threads'
      parentPort.on('message', ({ port }) => port.on('message', ({ id }) => port.postMessage(
        { g3: 'message', to: 'asker', id, kind: 'error', aborted: false,
          error: { name: 'G3Error', code: 'worker/protocol', message: 'reload both' } })))`
    await expect(loadModel({ worker: () => nodeWorkerOf(program), source: fixtureBytes(FILE) })).rejects.toMatchObject({
      code: 'worker/protocol',
    })
  })

  it('is no place to be served from elsewhere', () => {
    const open = () => Promise.reject(new Error('never asked'))
    expect(() => serve({ backend: open })).toThrow(coded('worker/not-a-worker'))
  })

  it('holds several models, each disposed of alone, and computes on threads of its own', async () => {
    const worker = nodeWorker()
    const load = (threads: number): Promise<WorkerModel> =>
      loadModel({ worker, source: fixtureBytes(FILE), backend: { ...backend, threads }, context: 64 })
    const [one, two] = [await load(1), await load(2)]
    expect([one.backend.threads, two.backend.threads]).toEqual([1, 2])
    const wrote = await one.generate(PROMPT, { ...options, maxTokens: 2 }).result()
    await one[Symbol.asyncDispose]()
    expect((await two.generate(PROMPT, { ...options, maxTokens: 2 }).result()).ids).toEqual(wrote.ids)
    await two[Symbol.asyncDispose]()
    await worker.terminate()
  })
})

describe('a shared model', () => {
  let url: string
  let requests = 0
  const server = createServer((request, response) => {
    const [from, to] = (/bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []).slice(1).map(Number)
    const file = fixtureBytes(FILE)
    requests++
    const part = file.subarray(from, to + 1)
    response.writeHead(206, { 'Content-Range': `bytes ${from}-${from + part.length - 1}/${file.length}` }).end(part)
  })
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = server.address()
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/model.gguf`
  })
  afterAll(() => void server.close())

  it('is loaded once, writes for both, and ends with the last', async () => {
    const worker = nodeWorker()
    const load = (context = 64): Promise<WorkerModel> =>
      loadModel({ worker, source: url, backend, context, sequences: 2, share: 'tiny' })
    const one = await load()
    const before = requests
    const two = await load()
    expect([before > 0, requests]).toEqual([true, before])
    const [first, second] = await Promise.all([
      one.generate(PROMPT, options).result(),
      two.generate(PROMPT, options).result(),
    ])
    expect(first.ids).toEqual(second.ids)
    await expect(load(32)).rejects.toThrow(coded('worker/other-settings'))
    await one[Symbol.asyncDispose]()
    expect((await two.generate(PROMPT, options).result()).ids).toEqual(first.ids)
    await two[Symbol.asyncDispose]()
    // Others may be loaded under its name now.
    await using third = await load(32)
    expect(third.context).toBe(32)
    await worker.terminate()
  })

  it('has files that all can read', async () => {
    const own = loadModel({ worker: nodeWorker, source: fixtureBytes(FILE), backend, share: 'tiny' })
    await expect(own).rejects.toThrow(coded('worker/unshareable'))
  })
})

it('an idle worker does not keep its process alive', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'g3-worker-'))
  const dist = new URL('../../dist/', import.meta.url)
  const script = `
    import { readFileSync } from 'node:fs'
    import { Worker } from 'node:worker_threads'
    import { loadModel } from '${new URL('worker.js', dist).href}'
    const model = await loadModel({
      worker: () => new Worker(new URL('${new URL('worker-program.js', dist).href}')),
      source: new Uint8Array(readFileSync('${fixturePath(FILE)}')),
      backend: { backend: 'cpu', threads: 1 }, context: 64,
    })
    const { ids } = await model.generate(Int32Array.of(2, 20, 30), { maxTokens: 3, stop: [] }).result()
    console.log('written ' + ids.length)`
  try {
    await writeFile(join(folder, 'idle.mjs'), script)
    const { execFile } = await import('node:child_process')
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    execFile(process.execPath, [join(folder, 'idle.mjs')], { timeout: 50_000 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    )
    expect(await promise).toMatch(/^written \d/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
