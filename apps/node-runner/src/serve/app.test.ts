import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Model } from '@g3/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keysOf } from './keys.js'
import { startServer } from './server.js'
import { testApp, tinyModel, type TestApp } from './testing/tiny-app.js'

let model: Model
beforeAll(async () => {
  model = await tinyModel(3)
})
afterAll(() => model[Symbol.asyncDispose]())

const post = (path: string, body: unknown, headers: Record<string, string> = {}): Request =>
  new Request(`http://g3${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

const chat = { messages: [{ role: 'user', content: 'hello' }], max_tokens: 4, seed: 1 }
const image = (url: string): object => ({
  messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
})

/** A request whose answer does not end by itself. */
function endless(): object {
  const { eos, endOfTurn = eos } = model.tokenizer
  return { ...chat, logit_bias: { [eos]: -100, [endOfTurn]: -100 } }
}

describe('hostile requests', () => {
  const path = '/v1/chat/completions'
  it.each<[string, number, Request]>([
    ['JSON that is none', 400, post(path, '{"messages":')],
    ['no JSON at all', 400, new Request(`http://g3${path}`, { method: 'POST', body: 'hello' })],
    ['deep JSON', 400, post(path, `{"messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)],
    [
      'a deep schema',
      400,
      post(
        path,
        `{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":${'{"not":'.repeat(5000)}{}${'}'.repeat(5000)}}}}`,
      ),
    ],
    ['a body over the limit', 413, post(path, { ...chat, user: 'a'.repeat(2 << 20) })],
    ['a temperature of text', 400, post(path, { ...chat, temperature: 'hot' })],
    ['an unknown role', 400, post(path, { messages: [{ role: 'wizard', content: 'a' }] })],
    [
      'a result of a call that was not made',
      400,
      post(path, { messages: [...chat.messages, { role: 'tool', content: 'a', tool_call_id: 'x' }] }),
    ],
    ['a bias of no token', 400, post(path, { ...chat, logit_bias: { 9999999: 1 } })],
    ['an image at an address', 400, post(path, image('http://169.254.169.254/latest'))],
    ['an image in a file', 400, post(path, image('file:///etc/passwd'))],
    ['an image of broken base64', 400, post(path, image('data:image/png;base64,!!!!'))],
    ['an image that is none', 400, post(path, image('data:image/png;base64,aGVsbG8='))],
    ['a choice of a tool without tools', 400, post(path, { ...chat, tool_choice: 'required' })],
    ['ids that are none', 400, post('/detokenize', { tokens: [1, 16_000_000] })],
    ['an empty prompt', 400, post('/v1/completions', { prompt: [] })],
    ['a prompt of ids that are none', 400, post('/v1/completions', { prompt: [2, 16_000_000] })],
    ['another method', 405, new Request('http://g3/v1/chat/completions')],
    ['another path', 404, new Request('http://g3/v1/../../etc/passwd')],
  ])('%s: an error in OpenAI’s shape', async (_, status, request) => {
    const { fetch, slots, log } = testApp(model)
    const response = await fetch(request)
    expect(await response.json()).toEqual({
      error: {
        message: expect.any(String),
        type: 'invalid_request_error',
        param: expect.toSatisfy(isTextOrNull),
        code: expect.toSatisfy(isTextOrNull),
      },
    })
    expect(response.status).toBe(status)
    expect(slots.taken).toBe(0)
    expect(log.join('')).not.toContain('hello')
  })

  const isTextOrNull = (value: unknown): boolean => value === null || typeof value === 'string'
})

describe('the server', () => {
  it('describes itself, to programs and to people', async () => {
    const { fetch } = testApp(model)
    const described = await (await fetch(new Request('http://g3/openapi.json'))).json()
    expect(Object.keys(described.paths)).toEqual(
      expect.arrayContaining(['/v1/chat/completions', '/v1/completions', '/v1/models', '/tokenize']),
    )
    expect(await (await fetch(new Request('http://g3/docs'))).text()).toContain('POST /v1/chat/completions')
  })

  it('takes text to tokens and back, and shows what messages become', async () => {
    const { fetch } = testApp(model)
    const { tokens } = await (await fetch(post('/tokenize', { content: 'hello there' }))).json()
    expect(await (await fetch(post('/detokenize', { tokens }))).json()).toEqual({ content: 'hello there' })
    const { prompt } = await (await fetch(post('/apply-template', { messages: chat.messages }))).json()
    expect(prompt).toBe('<bos><start_of_turn>user\nhello<end_of_turn>\n<start_of_turn>model\n')
    const twice = { messages: [...chat.messages, { role: 'user', content: 'there' }] }
    const joined = await (await fetch(post('/apply-template', twice))).json()
    expect(joined.prompt).toBe('<bos><start_of_turn>user\nhello\n\nthere<end_of_turn>\n<start_of_turn>model\n')
  })

  it('says which methods a path has', async () => {
    const { fetch } = testApp(model)
    const response = await fetch(new Request('http://g3/tokenize', { method: 'PUT' }))
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('counts what it does', async () => {
    const { fetch } = testApp(model)
    await fetch(post('/v1/chat/completions', chat))
    const text = await (await fetch(new Request('http://g3/metrics'))).text()
    expect(text).toMatch(/g3_tokens_total\{kind="generated"\} [1-4]\n/)
    expect(text).toContain('g3_requests_total{route="/v1/chat/completions",status="200"} 1')
  })

  it('asks for a key, which may change while it runs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'g3-keys-'))
    const file = join(folder, 'keys')
    writeFileSync(file, '# ours\nfirst\nsecond\n')
    const { fetch } = testApp(model, { checkKey: await keysOf(file, () => {}) })
    const status = async (authorization?: string): Promise<number> =>
      (
        await fetch(
          new Request('http://g3/v1/models', { headers: authorization === undefined ? {} : { authorization } }),
        )
      ).status
    expect([
      await status(),
      await status('Bearer third'),
      await status('Bearer second'),
      await status('Basic second'),
    ]).toEqual([401, 401, 200, 401])
    expect((await fetch(new Request('http://g3/health'))).status).toBe(200)
    writeFileSync(file, 'third\n')
    utimesSync(file, new Date(), new Date(Date.now() + 5000))
    await sleep(1100)
    expect([await status('Bearer third'), await status('Bearer second')]).toEqual([200, 401])
    rmSync(folder, { recursive: true })
  })

  it('answers pages of the origins that may call, and no others', async () => {
    const { fetch } = testApp(model, { origins: ['https://one.example'] })
    const allowed = async (origin: string): Promise<string | null> =>
      (await fetch(new Request('http://g3/v1/models', { headers: { origin } }))).headers.get(
        'access-control-allow-origin',
      )
    expect([await allowed('https://one.example'), await allowed('https://two.example')]).toEqual([
      'https://one.example',
      null,
    ])
  })

  it('ends an answer that takes too long, and says so', async () => {
    const { fetch, slots } = testApp(model, { deadlineMs: 1 })
    const response = await fetch(post('/v1/chat/completions', { ...endless(), max_tokens: 900 }))
    expect(response.status).toBe(504)
    expect(slots.taken).toBe(0)
  })

  it('says it with a status to who asks for events, too', async () => {
    const { fetch, slots } = testApp(model, { queue: 0 })
    const streaming = { ...endless(), max_tokens: 100, stream: true }
    const asked = await Promise.all(Array.from({ length: 5 }, () => fetch(post('/v1/chat/completions', streaming))))
    expect(asked.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429])
    await Promise.all(asked.map((response) => response.text()))
    expect(slots.taken).toBe(0)
    const long = { ...streaming, messages: [{ role: 'user', content: 'a b '.repeat(4000) }] }
    expect((await fetch(post('/v1/chat/completions', long))).status).toBe(400)
    expect((await fetch(post('/v1/completions', { prompt: 'a b '.repeat(4000), stream: true }))).status).toBe(400)
  })

  it('says when too many wait', async () => {
    const { fetch } = testApp(model, { queue: 1 })
    const asked = await Promise.all(
      Array.from({ length: 6 }, () => fetch(post('/v1/chat/completions', { ...endless(), max_tokens: 100 }))),
    )
    const refused = asked.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(2)
    expect(refused[0].headers.get('retry-after')).toMatch(/^\d+$/)
    expect(asked.filter(({ status }) => status === 200)).toHaveLength(4)
  })
})

describe('clients that leave', () => {
  /** The text that a stream brings, or what came until `most` events. */
  async function read(url: string, seed: number, most = Infinity): Promise<string> {
    const stop = new AbortController()
    const body = JSON.stringify({ ...chat, seed, max_tokens: 60, stream: true })
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      signal: stop.signal,
    })
    let text = ''
    let events = 0
    const decoder = new TextDecoder()
    if (response.body === null) throw new Error('no body')
    for await (const part of response.body) {
      text += decoder.decode(part, { stream: true })
      if (++events >= most) break
    }
    stop.abort()
    return text.replaceAll(/"(?:id|created)":[^,]+,/g, '')
  }

  it('free their places, and others’ answers stay what they are', async () => {
    const { fetch: handle, slots }: TestApp = testApp(model)
    const server = await startServer(handle, { host: '127.0.0.1', port: 0 })
    const url = `http://127.0.0.1:${server.port}/v1/chat/completions`
    const quiet = await read(url, 7)
    const leaving = async (client: number): Promise<void> => {
      for (let round = 0; round < 5; round++)
        await read(url, 100 * client + round, 1 + ((client + round) % 3)).catch(() => {})
    }
    const staying = async (): Promise<string[]> => {
      const texts: string[] = []
      for (let round = 0; round < 5; round++) texts.push(await read(url, 7))
      return texts
    }
    const [texts] = await Promise.all([staying(), leaving(1), leaving(2), leaving(3), leaving(4)])
    for (const text of texts) expect(text).toBe(quiet)
    for (let wait = 0; wait < 50 && slots.taken + slots.waiting > 0; wait++) await sleep(20)
    expect([slots.taken, slots.waiting]).toEqual([0, 0])
    await server.close()
  })
})
