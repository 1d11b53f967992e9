import type { Model } from '@g3/runtime'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { testApp, tinyModel } from '../testing/tiny-app.js'
import { ask, batchApp, chats, ended, jsonl, linesIn, LIMITS, type BatchApp } from './testing/batch-app.js'
import { folder } from './testing/folder.js'

describe("batches by OpenAI's SDK", () => {
  let model: Model
  const data = folder()
  let app: BatchApp
  let client: OpenAI
  beforeAll(async () => {
    model = await tinyModel(3)
    app = await batchApp(model, { data: data.path, checkKey: async (key) => key === 'key' })
    client = app.client
  })
  afterAll(async () => {
    await app[Symbol.asyncDispose]()
    data[Symbol.dispose]()
    await model[Symbol.asyncDispose]()
  })

  it('answers each line as the API does, in the order of the questions', async () => {
    const lines = chats(7)
    const batch = await ask(client, lines)
    expect(batch).toMatchObject({ object: 'batch', status: 'validating', endpoint: '/v1/chat/completions' })
    const done = await ended(client, batch.id)
    expect(done).toMatchObject({ status: 'completed', request_counts: { total: 7, completed: 7, failed: 0 } })
    expect(done.error_file_id).toBeNull()
    const answers = await linesIn(client, done.output_file_id)
    expect(answers.map(({ custom_id: id }) => id)).toEqual(lines.map((_, i) => `ask-${i}`))
    expect(new Set(answers.map(({ id }) => id)).size).toBe(7)
    const alone = await client.chat.completions.create({
      model: 'tiny',
      messages: [{ role: 'user', content: 'hello 5' }],
      max_completion_tokens: 4,
      seed: 5,
    })
    expect(answers[5].response).toMatchObject({ status_code: 200, body: { choices: alone.choices } })
    expect(answers[5].error).toBeNull()
    expect((await client.files.retrieve(done.output_file_id ?? '')).purpose).toBe('batch_output')
    expect(app.failures).toEqual([])
  })

  it('tells of lines that cannot be answered in a file of errors', async () => {
    const lines = [
      ...chats(2),
      { ...chats(1, { model: 'gpt' })[0], custom_id: 'b' },
      { ...chats(1, { messages: 3 })[0], custom_id: 'c' },
    ]
    const done = await ended(client, (await ask(client, lines)).id)
    expect(done).toMatchObject({ status: 'completed', request_counts: { total: 4, completed: 2, failed: 2 } })
    const errors = await linesIn(client, done.error_file_id)
    expect(errors.map(({ custom_id: id, response }) => [id, response?.status_code])).toEqual([
      ['b', 404],
      ['c', 400],
    ])
    expect(errors[0].response?.body).toMatchObject({ error: { code: 'model_not_found' } })
    expect(await linesIn(client, done.output_file_id)).toHaveLength(2)
  })

  it('looks at all lines before it answers one, and says what is wrong where', async () => {
    const [good] = chats(1)
    const bad: [unknown, string][] = [
      [good, 'duplicate_custom_id'],
      [{ ...good, custom_id: 'b', url: '/v1/models' }, 'mismatched_url'],
      [{ ...good, custom_id: 'c', method: 'GET' }, 'invalid_line'],
      [{ ...good, custom_id: 'd', body: { stream: true } }, 'invalid_line'],
      [{ ...good, custom_id: '' }, 'invalid_line'],
      [7, 'invalid_line'],
    ]
    const done = await ended(client, (await ask(client, [good, ...bad.map(([line]) => line as object)])).id)
    expect(done.status).toBe('failed')
    expect(done.errors?.data?.map(({ code, line }) => [line, code])).toEqual(bad.map(([, code], i) => [i + 2, code]))
    expect(done.request_counts?.total).toBe(0)

    const failedWith = async (file: File): Promise<string | undefined> => {
      const { id } = await client.files.create({ file, purpose: 'batch' })
      const batch = await client.batches.create({
        input_file_id: id,
        endpoint: '/v1/completions',
        completion_window: '24h',
      })
      return (await ended(client, batch.id)).errors?.data?.[0].code
    }
    expect(await failedWith(new File(['{"custom_id": '], 'a'))).toBe('invalid_json_line')
    expect(await failedWith(new File([new Uint8Array([255, 254, 10])], 'a'))).toBe('invalid_json_line')
    expect(await failedWith(new File(['['.repeat(4000)], 'a'))).toBe('invalid_json_line')
    expect(await failedWith(new File(['\n \r\n'], 'a'))).toBe('empty_file')
    expect(await failedWith(new File(['x'.repeat(LIMITS.lineBytes + 1)], 'a'))).toBe('line_too_long')
    expect(
      await failedWith(
        jsonl(
          Array.from({ length: LIMITS.lines + 1 }, (_, i) => ({
            custom_id: `${i}`,
            method: 'POST',
            url: '/v1/completions',
            body: {},
          })),
        ),
      ),
    ).toBe('too_many_lines')
  })

  it('cancels: what was answered is told, all else has an error, and nothing is answered later', async () => {
    const batch = await ask(client, chats(40, { max_completion_tokens: 60 }))
    await vi.waitFor(
      async () => expect((await client.batches.retrieve(batch.id)).request_counts?.completed).toBeGreaterThan(0),
      10_000,
    )
    const fileBusy = client.files.delete(batch.input_file_id)
    await expect(fileBusy).rejects.toMatchObject({ status: 409 })
    expect((await client.batches.cancel(batch.id)).status).toBe('cancelling')
    const done = await ended(client, batch.id)
    expect(done.status).toBe('cancelled')
    const [answers, errors] = [await linesIn(client, done.output_file_id), await linesIn(client, done.error_file_id)]
    expect(answers.length).toBeGreaterThan(0)
    expect(errors.length).toBeGreaterThan(0)
    for (const { error, response } of errors) expect([error?.code, response]).toEqual(['batch_cancelled', null])
    const ids = [...answers, ...errors].map(({ custom_id: id }) => id)
    expect(ids.toSorted()).toEqual(
      chats(40)
        .map((_, i) => `ask-${i}`)
        .toSorted(),
    )
    await expect(client.batches.cancel(batch.id)).rejects.toMatchObject({ status: 409 })
  })

  it('ends a batch whose time is over with what there is', async () => {
    const batch = await ask(client, chats(40, { max_completion_tokens: 60 }))
    await vi.waitFor(
      async () => expect((await client.batches.retrieve(batch.id)).request_counts?.completed).toBeGreaterThan(0),
      10_000,
    )
    await app.batches.store.change(batch.id, (now) => ({ ...now, expires_at: now.created_at - 1 }))
    const done = await ended(client, batch.id)
    expect(done.status).toBe('expired')
    const errors = await linesIn(client, done.error_file_id)
    expect(errors[0].error?.code).toBe('batch_expired')
    expect((await linesIn(client, done.output_file_id)).length + errors.length).toBe(40)
  })

  it('lists files and batches page by page, and deletes files', async () => {
    const file = await client.files.create({
      file: jsonl(chats(1)),
      purpose: 'batch',
      expires_after: { anchor: 'created_at', seconds: 3600 },
    })
    expect(file.expires_at).toBe(file.created_at + 3600)
    const ids: string[] = []
    for await (const { id } of client.files.list({ limit: 2, order: 'asc' })) ids.push(id)
    expect(ids.at(-1)).toBe(file.id)
    expect(new Set(ids).size).toBe(ids.length)
    const batches: string[] = []
    for await (const { id } of client.batches.list({ limit: 2 })) batches.push(id)
    expect(new Set(batches).size).toBe(batches.length)
    expect(batches.length).toBeGreaterThan(2)
    expect(await (await client.files.content(file.id)).text()).toBe(await jsonl(chats(1)).text())
    expect(await client.files.delete(file.id)).toMatchObject({ id: file.id, deleted: true })
    await expect(client.files.retrieve(file.id)).rejects.toThrow(OpenAI.NotFoundError)
    await expect(client.files.list({ after: 'nothing' })).rejects.toThrow(OpenAI.BadRequestError)
    await expect(client.batches.retrieve('../../etc/passwd')).rejects.toThrow(OpenAI.NotFoundError)
  })

  it('refuses files and batches that it cannot have', async () => {
    const count = (await client.files.list()).data.length
    const create = client.files.create.bind(client.files)
    await expect(create({ file: jsonl([]), purpose: 'assistants' })).rejects.toMatchObject({
      status: 400,
      param: 'purpose',
    })
    await expect(
      create({ file: new File(['x'.repeat(LIMITS.fileBytes + 1)], 'a'), purpose: 'batch' }),
    ).rejects.toMatchObject({
      status: 413,
      code: 'file_too_large',
    })
    const post = (body: BodyInit, type: string) =>
      app.fetch(
        new Request('http://g3/v1/files', {
          method: 'POST',
          body,
          headers: { 'Content-Type': type, Authorization: 'Bearer key' },
        }),
      )
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    for (const [body, type] of [
      ['{}', 'application/json'],
      ['x', 'multipart/form-data'],
      ['x', 'multipart/form-data; boundary=b'],
      [`${head}half`, 'multipart/form-data; boundary=b'],
      ['--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--', 'multipart/form-data; boundary=b'],
    ])
      expect((await post(body, type)).status, `${type} ${body}`).toBe(400)
    expect((await client.files.list()).data.length).toBe(count)
    const batch = (input: string, endpoint: string) =>
      client.batches.create({ input_file_id: input, endpoint: endpoint as '/v1/completions', completion_window: '24h' })
    await expect(batch('file-none', '/v1/completions')).rejects.toMatchObject({ status: 400, code: 'file_not_found' })
    await expect(batch('file-none', '/v1/embeddings')).rejects.toMatchObject({ status: 400, param: 'endpoint' })
    const stranger = new OpenAI({
      apiKey: 'other',
      baseURL: 'http://g3/v1',
      maxRetries: 0,
      fetch: (url, init) => app.fetch(new Request(url, init)),
    })
    await expect(stranger.files.list()).rejects.toThrow(OpenAI.AuthenticationError)
  })

  it('says how to have batches where there are none', async () => {
    const { fetch } = testApp(model)
    const response = await fetch(new Request('http://g3/v1/batches'))
    expect(response.status).toBe(404)
    expect(await response.text()).toMatch(/--data FOLDER/)
  })

  it('goes on where it stopped when it is started again', async () => {
    using at = folder()
    const first = await batchApp(model, { data: at.path, concurrency: 1 })
    const { id } = await ask(first.client, chats(12, { max_completion_tokens: 20 }))
    await vi.waitFor(
      async () => expect((await first.batches.batch(id)).request_counts.completed).toBeGreaterThan(1),
      10_000,
    )
    await first[Symbol.asyncDispose]()
    const second = await batchApp(model, { data: at.path })
    const done = await ended(second.client, id)
    expect(done).toMatchObject({ status: 'completed', request_counts: { total: 12, completed: 12 } })
    const answers = await linesIn(second.client, done.output_file_id)
    expect(answers.map(({ custom_id: name }) => name)).toEqual(chats(12).map((_, i) => `ask-${i}`))
    await second[Symbol.asyncDispose]()
  })
})
