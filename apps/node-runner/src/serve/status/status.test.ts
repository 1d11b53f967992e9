import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Model } from '@g3/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testApp, tinyModel } from '../testing/tiny-app.js'
import { rates } from './rates.js'
import { recentAnswers } from './recent.js'

let model: Model
beforeAll(async () => {
  model = await tinyModel(3)
})
afterAll(() => model[Symbol.asyncDispose]())

const get = (path: string, headers: Record<string, string> = {}): Request =>
  new Request(`http://g3${path}`, { headers })
const chat = (): Request =>
  new Request('http://g3/v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }], max_tokens: 6, seed: 1 }),
  })

describe('/status', () => {
  it('tells what has been written, how fast, and by which model', async () => {
    const { fetch } = testApp(model)
    const before = await (await fetch(get('/status'))).json()
    expect(before).toMatchObject({ status: 'ok', latency: { answers: 0, first_token_seconds: null } })
    const { usage } = await (await fetch(chat())).json()
    const after = await (await fetch(get('/status'))).json()
    expect(after.tokens).toEqual({
      prompt: usage.prompt_tokens,
      cached: usage.prompt_tokens_details.cached_tokens,
      generated: usage.completion_tokens,
    })
    expect(after.models).toEqual([{ id: 'tiny', context: 1024, images: true, slots: 3, slots_taken: 0, queue: 0 }])
    const { answers, first_token_seconds: first, answer_seconds: answer } = after.latency
    expect(answers).toBe(1)
    expect(first.median).toBeGreaterThan(0)
    expect(answer.median).toBeGreaterThanOrEqual(first.median)
  })

  it('counts what is in answers: no end marks', async () => {
    const { fetch } = testApp(model)
    const body = { prompt: 'hello', max_tokens: 5, temperature: 0, logit_bias: { [model.tokenizer.eos]: 100 } }
    const asked = new Request('http://g3/v1/completions', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    const { usage } = await (await fetch(asked)).json()
    expect(usage.completion_tokens).toBe(0)
    expect((await (await fetch(get('/status'))).json()).tokens.generated).toBe(0)
  })

  it('needs a key where the others do, and the page that asks for it does not', async () => {
    const { fetch } = testApp(model, { checkKey: async (key) => key === 'right' })
    expect((await fetch(get('/status'))).status).toBe(401)
    expect((await fetch(get('/status', { authorization: 'Bearer right' }))).status).toBe(200)
    for (const path of ['/', '/docs', '/page/page.css', '/page/status.js'])
      expect([path, (await fetch(get(path))).status]).toEqual([path, 200])
  })
})

describe('the page', () => {
  it('asks nobody else for anything, and a browser would not let it', async () => {
    const { fetch } = testApp(model)
    for (const path of ['/', '/docs', '/page/page.css', '/page/status.js']) {
      const response = await fetch(get(path))
      expect(await response.text()).not.toMatch(/https?:\/\/(?!g3\/)|<script>|<style|style="/)
      const policy = response.headers.get('content-security-policy') ?? ''
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'/)
      expect(policy).not.toMatch(/unsafe|\*/)
    }
  })

  it('has every element that its script looks for', () => {
    const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
    const html = read('../../../assets/serve/status.html')
    const asked = [...read('page.ts').matchAll(/'#([a-z-]+)'/g)].map(([, id]) => id)
    expect(asked.length).toBeGreaterThan(10)
    for (const id of asked) expect(html).toContain(`id="${id}"`)
  })

  it('has the colours of the demo', () => {
    const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
    const demo = read('../../../../demo/src/look/tokens.css')
    const colours = read('../../../assets/serve/page.css').match(/--[a-z-]+: light-dark\(.*\);/g) ?? []
    expect(colours.length).toBeGreaterThan(10)
    for (const colour of colours) expect(demo).toContain(colour)
  })
})

it('knows the nearest ranks of the last answers, and forgets those before', () => {
  const recent = recentAnswers(20)
  expect(recent.summary()).toBeUndefined()
  for (let i = 1; i <= 30; i++) recent.add({ firstTokenMs: i, answerMs: 10 * i })
  expect(recent.summary()).toEqual({
    answers: 20,
    firstTokenMs: { median: 20, p95: 29 },
    answerMs: { median: 200, p95: 290 },
  })
})

it('makes rates of counts, and begins anew with a server that was started again', () => {
  const seen = rates(4)
  expect(seen.now('generated', 5000)).toBe(0)
  seen.add({ timeMs: 0, generated: 0, prompt: 0 })
  seen.add({ timeMs: 1000, generated: 10, prompt: 100 })
  seen.add({ timeMs: 3000, generated: 50, prompt: 100 })
  expect(seen.history()).toEqual([10, 20])
  expect([seen.now('generated', 2000), seen.now('generated', 9000)]).toEqual([20, 50 / 3])
  seen.add({ timeMs: 4000, generated: 2, prompt: 0 })
  expect([seen.history(), seen.now('generated', 9000)]).toEqual([[], 0])
})
