import type { Model } from '@g3/runtime'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { tinyModel } from '../testing/tiny-app.js'
import { ask, batchApp, chats, ended, linesIn } from './testing/batch-app.js'
import { folder } from './testing/folder.js'
import { hasValkey, valkeyServer, type ValkeyServer } from './testing/valkey-server.js'

describe.runIf(hasValkey)('batches on Valkey, of several servers', () => {
  let model: Model
  let valkey: ValkeyServer
  const at = folder()
  beforeAll(async () => {
    model = await tinyModel(4)
    valkey = await valkeyServer(at.path)
  })
  afterAll(async () => {
    await valkey.kill()
    at[Symbol.dispose]()
    await model[Symbol.asyncDispose]()
  })

  it('are asked for at one and answered by others, all of whom may leave', async () => {
    const options = { valkey: valkey.url, lockMs: 1000 }
    await using front = await batchApp(model, { ...options, concurrency: 0 })
    const first = await batchApp(model, { ...options, concurrency: 2 })
    const { id } = await ask(front.client, chats(30, { max_completion_tokens: 20 }))
    await vi.waitFor(
      async () => expect((await front.batches.batch(id)).request_counts.completed).toBeGreaterThan(2),
      10_000,
    )
    await first[Symbol.asyncDispose]()
    const { completed } = (await front.batches.batch(id)).request_counts
    expect(completed).toBeLessThan(30)
    await using _ = await batchApp(model, options)
    const done = await ended(front.client, id)
    expect(done).toMatchObject({ status: 'completed', request_counts: { total: 30, completed: 30 } })
    const answers = await linesIn(front.client, done.output_file_id)
    expect(answers.map(({ custom_id: name }) => name)).toEqual(chats(30).map((_, i) => `ask-${i}`))
  })

  it('are cancelled at one while another answers them', async () => {
    const options = { valkey: valkey.url, lockMs: 1000 }
    await using front = await batchApp(model, { ...options, concurrency: 0 })
    await using _ = await batchApp(model, options)
    const { id } = await ask(front.client, chats(40, { max_completion_tokens: 60 }))
    await vi.waitFor(
      async () => expect((await front.batches.batch(id)).request_counts.completed).toBeGreaterThan(0),
      10_000,
    )
    await front.client.batches.cancel(id)
    const done = await ended(front.client, id)
    expect(done.status).toBe('cancelled')
    const lines = [
      ...(await linesIn(front.client, done.output_file_id)),
      ...(await linesIn(front.client, done.error_file_id)),
    ]
    expect(lines.map(({ custom_id: name }) => name).toSorted()).toEqual(
      chats(40)
        .map((_, i) => `ask-${i}`)
        .toSorted(),
    )
  })

  it('outlive Valkey itself', async () => {
    await using app = await batchApp(model, { valkey: valkey.url, lockMs: 1000 })
    const { id } = await ask(app.client, chats(20, { max_completion_tokens: 30 }))
    await vi.waitFor(
      async () => expect((await app.batches.batch(id)).request_counts.completed).toBeGreaterThan(0),
      10_000,
    )
    await valkey.kill()
    await expect(app.client.batches.retrieve(id)).rejects.toMatchObject({ status: 503 })
    await valkey.start()
    await vi.waitFor(() => app.client.batches.retrieve(id), 10_000)
    const done = await ended(app.client, id)
    expect(done).toMatchObject({ status: 'completed', request_counts: { total: 20, completed: 20 } })
    expect(await linesIn(app.client, done.output_file_id)).toHaveLength(20)
  })
})
