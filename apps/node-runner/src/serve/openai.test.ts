import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Model } from '@g3/runtime'
import OpenAI from 'openai'
import { encodePng } from '../png.js'
import { testClient, tinyModel } from './testing/tiny-app.js'

const MESSAGES = [{ role: 'user' as const, content: 'hello' }]
const SETTINGS = { model: 'tiny', messages: MESSAGES, max_completion_tokens: 12, seed: 1 }

describe("OpenAI's SDK", () => {
  let model: Model
  let client: OpenAI
  beforeAll(async () => {
    model = await tinyModel(3)
    client = testClient(model)
  })
  afterAll(() => model[Symbol.asyncDispose]())

  it('lists the model', async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['tiny'])
  })

  it('gets the same chat whole and in pieces, and another for another seed', async () => {
    const whole = await client.chat.completions.create(SETTINGS)
    const stream = await client.chat.completions.create({
      ...SETTINGS,
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    let finish: string | null = null
    let usage: object | null | undefined
    for await (const { choices, usage: told } of stream) {
      text += choices[0]?.delta.content ?? ''
      finish = choices[0]?.finish_reason ?? finish
      usage = told ?? usage
    }
    expect(text).toBe(whole.choices[0].message.content)
    expect(text).not.toBe('')
    expect(finish).toBe(whole.choices[0].finish_reason)
    expect(usage).toMatchObject({
      completion_tokens: whole.usage?.completion_tokens,
      prompt_tokens: whole.usage?.prompt_tokens,
    })
    const other = await client.chat.completions.create({ ...SETTINGS, seed: 2 })
    expect(other.choices[0].message.content).not.toBe(text)
  })

  it('gets several choices, each what it is alone', async () => {
    const { choices, usage } = await client.chat.completions.create({ ...SETTINGS, n: 3 })
    for (const [i, choice] of choices.entries()) {
      const alone = await client.chat.completions.create({ ...SETTINGS, seed: SETTINGS.seed + i })
      expect(choice.message.content).toBe(alone.choices[0].message.content)
    }
    expect(usage?.completion_tokens).toBeGreaterThan(12)
  })

  it('gets log-probabilities', async () => {
    const { choices, usage } = await client.chat.completions.create({ ...SETTINGS, logprobs: true, top_logprobs: 3 })
    const content = choices[0].logprobs?.content ?? []
    expect(content).toHaveLength(usage?.completion_tokens ?? NaN)
    for (const { logprob, top_logprobs: top } of content) {
      expect(logprob).toBeLessThanOrEqual(top[0].logprob)
      expect(top).toHaveLength(3)
    }
  })

  it('gets JSON of a schema, and any object', async () => {
    const schema = {
      type: 'object',
      properties: { name: { enum: ['a', 'b'] }, count: { type: 'integer', minimum: 0, maximum: 9 } },
      required: ['name', 'count'],
      additionalProperties: false,
    }
    const { choices } = await client.chat.completions.create({
      ...SETTINGS,
      max_completion_tokens: 64,
      response_format: { type: 'json_schema', json_schema: { name: 'thing', schema } },
    })
    const { name, count } = JSON.parse(choices[0].message.content ?? '')
    expect(['a', 'b']).toContain(name)
    expect(count).toBeGreaterThanOrEqual(0)
    expect(count).toBeLessThanOrEqual(9)
    const refused = client.chat.completions.create({
      ...SETTINGS,
      response_format: { type: 'json_schema', json_schema: { name: 'thing', schema: { type: 'nothing' } } },
    })
    await expect(refused).rejects.toThrow(OpenAI.BadRequestError)
  })

  it('calls tools, whole and in pieces, and is told what they gave', async () => {
    const parameters = { type: 'object', properties: { city: { enum: ['Oslo', 'Rome'] } }, required: ['city'] }
    const settings = {
      ...SETTINGS,
      max_completion_tokens: 100,
      tools: [
        { type: 'function' as const, function: { name: 'weather', description: 'tells the weather', parameters } },
      ],
      tool_choice: 'required' as const,
      parallel_tool_calls: false,
    }
    const { choices } = await client.chat.completions.create(settings)
    const { tool_calls: calls = [] } = choices[0].message
    expect(choices[0].finish_reason).toBe('tool_calls')
    expect(calls).toHaveLength(1)
    const [call] = calls
    if (call.type !== 'function') throw new Error('no function was called')
    expect(call.function.name).toBe('weather')
    expect(['Oslo', 'Rome']).toContain(JSON.parse(call.function.arguments).city)

    let spelled = ''
    for await (const chunk of await client.chat.completions.create({ ...settings, stream: true }))
      spelled += chunk.choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? ''
    expect(JSON.parse(spelled)).toEqual(JSON.parse(call.function.arguments))

    const after = await client.chat.completions.create({
      ...SETTINGS,
      messages: [...MESSAGES, choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'rain' }],
    })
    expect(after.usage?.prompt_tokens).toBeGreaterThan(20)
  })

  it('shows images', async () => {
    const url = (value: number): string =>
      `data:image/png;base64,${Buffer.from(encodePng(8, 8, new Uint8Array(192).fill(value))).toString('base64')}`
    const ask = async (value: number): Promise<number | undefined> => {
      const content = [
        { type: 'image_url' as const, image_url: { url: url(value) } },
        { type: 'text' as const, text: 'what' },
      ]
      const { usage } = await client.chat.completions.create({ ...SETTINGS, messages: [{ role: 'user', content }] })
      return usage?.prompt_tokens
    }
    const plain = await client.chat.completions.create({ ...SETTINGS, messages: [{ role: 'user', content: 'what' }] })
    expect(await ask(0)).toBeGreaterThan((plain.usage?.prompt_tokens ?? 0) + 4)
  })

  it('completes text, with what went before', async () => {
    const settings = { model: 'tiny', prompt: ['hello', 'other'], max_tokens: 5, temperature: 0, echo: true, n: 1 }
    const { choices, usage } = await client.completions.create(settings)
    expect(choices).toHaveLength(2)
    expect(choices[0].text.startsWith('hello')).toBe(true)
    expect(usage?.completion_tokens).toBe(10)
    const texts = ['', '']
    for await (const chunk of await client.completions.create({ ...settings, stream: true }))
      for (const { index, text } of chunk.choices) texts[index] += text
    expect(texts).toEqual(choices.map(({ text }) => text))
  })

  it('tells how likely a prompt was: each token as likely as when it was written', async () => {
    const ids = [...model.encode('hello there')]
    const generated = await model.generate(Int32Array.from(ids), { maxTokens: 6, temperature: 0 }).result()
    const settings = { model: 'tiny', temperature: 0, logprobs: 2 }
    const written = await client.completions.create({ ...settings, prompt: ids, max_tokens: 6 })
    const prompt = [...ids, ...generated.ids]
    const { choices } = await client.completions.create({ ...settings, prompt, max_tokens: 1, echo: true })
    const [{ text, logprobs }] = choices
    const { tokens = [], token_logprobs: all = [], top_logprobs: top = [], text_offset: offsets = [] } = logprobs ?? {}
    const { token_logprobs: before = [] } = written.choices[0].logprobs ?? {}
    expect([tokens, all, top, offsets].map((list) => list.length)).toEqual(Array(4).fill(prompt.length + 1))
    expect([all[0], top[0]]).toEqual([null, null])
    expect(before).toHaveLength(6)
    for (const [i, logprob] of before.entries()) expect(all[ids.length + i]).toBeCloseTo(logprob, 4)
    expect(Object.keys(top[1] ?? {})).toHaveLength(2)
    const hello = tokens.findIndex((token) => token.startsWith('h'))
    expect(text.slice(offsets[hello])).toMatch(/^hello there/)
    const streamed = client.completions.create({ ...settings, prompt, echo: true, stream: true })
    await expect(streamed).rejects.toThrow(/cannot be streamed/)
  })

  it('reads a prompt and writes nothing, where only that is asked', async () => {
    const settings = { model: 'tiny', prompt: 'hello there', max_tokens: 0, echo: true, logprobs: 1 }
    const { choices, usage } = await client.completions.create(settings)
    expect(choices[0]).toMatchObject({ text: 'hello there', finish_reason: 'length' })
    const ids = model.encode('hello there')
    expect(choices[0].logprobs?.tokens).toHaveLength(ids.length)
    expect(usage).toMatchObject({ completion_tokens: 0, total_tokens: ids.length })
    let streamed = ''
    for await (const chunk of await client.completions.create({ ...settings, logprobs: null, stream: true }))
      for (const { text } of chunk.choices) streamed += text
    expect(streamed).toBe('hello there')
    await expect(client.completions.create({ ...settings, echo: false })).rejects.toMatchObject({ param: 'max_tokens' })
  })

  it('stops where it is told', async () => {
    const whole = await client.completions.create({ model: 'tiny', prompt: 'hello', max_tokens: 12, temperature: 0 })
    const { text } = whole.choices[0]
    const stop = text.slice(3, 6)
    const { choices } = await client.completions.create({
      model: 'tiny',
      prompt: 'hello',
      max_tokens: 12,
      temperature: 0,
      stop,
    })
    expect(choices[0]).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: 'stop' })
  })

  it('learns what is wrong by the class of the error', async () => {
    const create = client.chat.completions.create.bind(client.chat.completions)
    await expect(create({ ...SETTINGS, model: 'gpt' })).rejects.toThrow(OpenAI.NotFoundError)
    await expect(create({ ...SETTINGS, temperature: 9 })).rejects.toThrow(OpenAI.BadRequestError)
    await expect(
      create({ ...SETTINGS, messages: [{ role: 'user', content: 'a b '.repeat(4000) }] }),
    ).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
    })
    await expect(create({ ...SETTINGS, messages: [{ role: 'assistant', content: 'a' }] })).rejects.toThrow(/the user/)
  })
})
