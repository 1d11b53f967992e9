import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { diskStore } from './disk-store.js'
import { seconds, type Batch, type LineAnswer } from './records.js'
import type { BatchStore } from './store.js'
import { folder } from './testing/folder.js'
import { hasValkey, valkeyServer, type ValkeyServer } from './testing/valkey-server.js'
import { connectValkey, type Valkey } from './valkey.js'
import { valkeyStore } from './valkey-store.js'

const LIMITS = { fileBytes: 1000, totalBytes: 1500 }

const batch = (id: string, created = seconds()): Batch => ({
  id,
  object: 'batch',
  endpoint: '/v1/completions',
  errors: null,
  input_file_id: 'file-a',
  completion_window: '24h',
  status: 'in_progress',
  output_file_id: null,
  error_file_id: null,
  created_at: created,
  in_progress_at: null,
  expires_at: created + 60,
  finalizing_at: null,
  completed_at: null,
  failed_at: null,
  expired_at: null,
  cancelling_at: null,
  cancelled_at: null,
  request_counts: { total: 3, completed: 0, failed: 0 },
  metadata: null,
})
const answer = (custom_id: string, status = 200): LineAnswer => ({ custom_id, status, request_id: 'r', body: { a: 1 } })
const about = (id: string) => ({ id, filename: `${id}.jsonl`, purpose: 'batch' as const })
async function* pieces(...texts: string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}
const textOf = async (bytes: AsyncIterable<Uint8Array>): Promise<string> => {
  const all: Uint8Array[] = []
  for await (const piece of bytes) all.push(piece)
  return Buffer.concat(all).toString()
}

interface Opened extends AsyncDisposable {
  readonly store: BatchStore
  /** What the next process would find. */
  again(): Promise<BatchStore>
}

async function onDisk(): Promise<Opened> {
  const at = folder()
  let store = await diskStore(at.path, LIMITS)
  return {
    store,
    async again() {
      await store.close()
      store = await diskStore(at.path, LIMITS)
      return store
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      at[Symbol.dispose]()
    },
  }
}

let server: ValkeyServer
async function inValkey(): Promise<Opened> {
  const at = folder()
  server = await valkeyServer(at.path)
  const open: Valkey[] = []
  const connect = async (): Promise<BatchStore> => {
    const valkey = await connectValkey({ url: server.url, note: () => {} })
    open.push(valkey)
    return valkeyStore(valkey, LIMITS, 'g3')
  }
  return {
    store: await connect(),
    async again() {
      await server.kill()
      await server.start()
      return connect()
    },
    async [Symbol.asyncDispose]() {
      for (const each of open) await each.close()
      await server.kill()
      at[Symbol.dispose]()
    },
  }
}

describe.each([
  ['a folder', onDisk, true],
  ['Valkey', inValkey, hasValkey],
] as const)('batches kept in %s', (_, open, canRun) => {
  let opened: Opened
  let store: BatchStore
  beforeEach(async (test) => {
    if (!canRun) return test.skip('no valkey-server is installed')
    opened = await open()
    store = opened.store
  })
  afterEach(async () => opened?.[Symbol.asyncDispose]())

  it('keeps files, whole and in ranges, and finds them again', async () => {
    const made = await store.addFile({ ...about('file-a'), expiresAt: () => 77 }, pieces('hello ', 'wörld'))
    expect(made).toMatchObject({ id: 'file-a', bytes: 12, purpose: 'batch', expires_at: 77 })
    await store.addFile(about('file-b'), pieces())
    const after = await opened.again()
    expect(await textOf(after.read('file-a'))).toBe('hello wörld')
    expect(await textOf(after.read('file-a', { from: 6, bytes: 6 }))).toBe('wörld')
    expect(await textOf(after.read('file-b'))).toBe('')
    expect((await after.files()).map(({ id }) => id).toSorted()).toEqual(['file-a', 'file-b'])
    expect(await after.removeFile('file-a')).toBe(true)
    expect(await after.removeFile('file-a')).toBe(false)
    expect(await after.file('file-a')).toBeUndefined()
  })

  it('refuses files that are too large, alone or together, and leaves nothing of them', async () => {
    const write = (id: string, bytes: number) =>
      store.addFile(about(id), pieces('x'.repeat(bytes >> 1), 'y'.repeat(bytes >> 1)))
    await expect(write('file-a', 1002)).rejects.toMatchObject({ status: 413 })
    await write('file-b', 800)
    await expect(write('file-c', 800)).rejects.toMatchObject({ status: 507 })
    expect((await store.files()).map(({ id }) => id)).toEqual(['file-b'])
    // What a batch has written is kept always.
    await store.addFile({ ...about('file-d'), purpose: 'batch_output' }, pieces('z'.repeat(2000)))
    await store.removeFile('file-b')
    await store.removeFile('file-d')
    await write('file-e', 800)
  })

  it('leaves a file that is there already as it is', async () => {
    await store.addFile(about('file-a'), pieces('first'))
    await store.addFile(about('file-a'), pieces('second'))
    expect(await textOf(store.read('file-a'))).toBe('first')
  })

  it('changes a batch in one step, whoever else does', async () => {
    await store.addBatch(batch('batch_a', 100))
    await store.addBatch(batch('batch_b', 200))
    await Promise.all(
      Array.from({ length: 20 }, () => store.change('batch_a', (now) => ({ ...now, expires_at: now.expires_at + 1 }))),
    )
    expect(await store.change('batch_a', () => undefined)).toBeUndefined()
    expect(await store.change('batch_c', (now) => now)).toBeUndefined()
    expect((await store.openBatches()).toSorted()).toEqual(['batch_a', 'batch_b'])
    await store.change('batch_b', (now) => ({ ...now, status: 'failed' }))
    const after = await opened.again()
    expect((await after.batch('batch_a'))?.expires_at).toBe(180)
    expect((await after.batches()).map(({ id }) => id)).toEqual(['batch_b', 'batch_a'])
    expect(await after.openBatches()).toEqual(['batch_a'])
  })

  it('keeps the first answer to a line and counts it once, until it is sealed', async () => {
    await store.addBatch(batch('batch_a'))
    const given = await Promise.all(
      [answer('b'), answer('other'), answer('third')].map((one) => store.addAnswer('batch_a', 1, one)),
    )
    expect(given.at(-1)).toEqual({ completed: 1, failed: 0 })
    expect(await store.addAnswer('batch_a', 0, answer('a', 400))).toEqual({ completed: 1, failed: 1 })
    const after = await opened.again()
    expect(await after.answered('batch_a')).toEqual({ completed: 1, failed: 1 })
    expect(await after.answers('batch_a', 0, 3)).toEqual([answer('a', 400), answer('b'), undefined])
    await after.seal('batch_a')
    expect(await after.addAnswer('batch_a', 2, answer('c'))).toBeUndefined()
    expect(await after.answered('batch_a')).toEqual({ completed: 1, failed: 1 })
    await after.dropAnswers('batch_a')
    expect(await after.answers('batch_a', 0, 1)).toEqual([undefined])
  })
})

describe('a folder', () => {
  it('belongs to one server, and what its owner had half written is left out', async () => {
    using at = folder()
    const first = await diskStore(at.path, LIMITS)
    await first.addBatch(batch('batch_a'))
    await first.addAnswer('batch_a', 0, answer('a'))
    await first.close()
    await appendFile(join(at.path, 'answers/batch_a.jsonl'), '{"line":1,"answer":{"custom_id":"b","sta')
    await writeFile(join(at.path, 'files/file-x.bytes.part'), 'half')
    const second = await diskStore(at.path, LIMITS)
    expect(await second.answers('batch_a', 0, 2)).toEqual([answer('a'), undefined])
    await second.addAnswer('batch_a', 1, answer('b'))
    await second.close()
    const third = await diskStore(at.path, LIMITS)
    expect(await third.answers('batch_a', 0, 2)).toEqual([answer('a'), answer('b')])
    await third.close()
    await writeFile(join(at.path, 'batches/batch_a.json'), '{')
    await expect(diskStore(at.path, LIMITS)).rejects.toMatchObject({ code: 'batch/bad-record' })
  })
})

describe.runIf(hasValkey)('Valkey that is away', () => {
  it('is told at the start and while it is used, and found again', async () => {
    using at = folder()
    const valkey = await valkeyServer(at.path)
    const notes: string[] = []
    const note = (message: string): void => void notes.push(message)
    const connected = await connectValkey({ url: valkey.url, note })
    const store = valkeyStore(connected, LIMITS, 'g3')
    await valkey.kill()
    await expect(store.batches()).rejects.toMatchObject({ status: 503, details: { code: 'queue_unreachable' } })
    await expect(connectValkey({ url: valkey.url, note })).rejects.toMatchObject({ code: 'batch/no-queue' })
    await expect(connectValkey({ url: 'http://a', note })).rejects.toMatchObject({ code: 'batch/bad-queue' })
    await valkey.start()
    await expect.poll(() => store.batches().catch(() => 'away'), { timeout: 5000 }).toEqual([])
    expect(notes.join()).toMatch(/out of reach/)
    await connected.close()
    await valkey.kill()
  })
})
