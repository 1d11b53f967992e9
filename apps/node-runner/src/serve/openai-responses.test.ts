import type { Model } from '@g3/runtime'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodePng } from '../png.js'
import { failsAfter } from './testing/failing-model.js'
import { testClient, tinyModel } from './testing/tiny-app.js'

const SETTINGS = { model: 'tiny', input: 'hello', max_output_tokens: 12, temperature: 0 }
const WEATHER = {
  type: 'function' as const,
  name: 'weather',
  description: 'tells the weather',
  parameters: { type: 'object', properties: { city: { enum: ['Oslo', 'Rome'] } }, required: ['city'] },
  strict: true,
}

describe('the Responses API, by OpenAI’s SDK', () => {
  let model: Model
  let client: OpenAI
  beforeAll(async () => {
    model = await tinyModel(2)
    client = testClient(model)
  })
  afterAll(() => model[Symbol.asyncDispose]())

  it('says the same whole, in events, and as a chat', async () => {
    const whole = await client.responses.create(SETTINGS)
    expect(whole.output_text).not.toBe('')
    expect(whole).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
    expect(whole.usage?.output_tokens).toBe(12)
    const chat = await client.chat.completions.create({
      model: 'tiny',
      messages: [{ role: 'user', content: 'hello' }],
      max_completion_tokens: 12,
      temperature: 0,
    })
    expect(whole.output_text).toBe(chat.choices[0].message.content)

    const types: string[] = []
    let text = ''
    let numbers = 0
    for await (const event of await client.responses.create({ ...SETTINGS, stream: true })) {
      types.push(event.type)
      expect(event.sequence_number).toBe(numbers++)
      if (event.type === 'response.output_text.delta') text += event.delta
      if (event.type === 'response.incomplete') expect(event.response.output).toHaveLength(1)
    }
    expect(text).toBe(whole.output_text)
    expect(types.filter((type) => type !== 'response.output_text.delta')).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ])
  })

  it('calls functions and is told what they gave', async () => {
    const settings = {
      ...SETTINGS,
      max_output_tokens: 100,
      tools: [WEATHER],
      tool_choice: 'required' as const,
      parallel_tool_calls: false,
    }
    const { output, status } = await client.responses.create(settings)
    expect(status).toBe('completed')
    const call = output.find((item) => item.type === 'function_call')
    if (call === undefined) throw new Error('no function was called')
    expect(['Oslo', 'Rome']).toContain(JSON.parse(call.arguments).city)

    let spelled = ''
    for await (const event of await client.responses.create({ ...settings, stream: true })) {
      if (event.type === 'response.function_call_arguments.delta') spelled += event.delta
      if (event.type === 'response.function_call_arguments.done') expect(event.arguments).toBe(spelled)
    }
    expect(JSON.parse(spelled)).toEqual(JSON.parse(call.arguments))

    const after = await client.responses.create({
      ...SETTINGS,
      input: [
        { role: 'user', content: 'hello' },
        call,
        { type: 'function_call_output', call_id: call.call_id, output: 'rain' },
      ],
    })
    expect(after.usage?.input_tokens).toBeGreaterThan(20)
  })

  it('holds answers to a schema, and sees images', async () => {
    const schema = {
      type: 'object',
      properties: { yes: { type: 'boolean' } },
      required: ['yes'],
      additionalProperties: false,
    }
    const held = await client.responses.create({
      ...SETTINGS,
      max_output_tokens: 40,
      text: { format: { type: 'json_schema', name: 'x', schema } },
    })
    expect(typeof JSON.parse(held.output_text).yes).toBe('boolean')
    const url = `data:image/png;base64,${Buffer.from(encodePng(8, 8, new Uint8Array(192))).toString('base64')}`
    const content = [
      { type: 'input_text' as const, text: 'hello' },
      { type: 'input_image' as const, image_url: url, detail: 'auto' as const },
    ]
    const seen = await client.responses.create({ ...SETTINGS, input: [{ role: 'user', content }] })
    const blind = await client.responses.create(SETTINGS)
    expect(seen.usage?.input_tokens).toBeGreaterThan((blind.usage?.input_tokens ?? 0) + 4)
  })

  it('tells how likely tokens were, the same in events', async () => {
    const settings = { ...SETTINGS, include: ['message.output_text.logprobs' as const], top_logprobs: 2 }
    const [item] = (await client.responses.create(settings)).output
    const part = item.type === 'message' ? item.content[0] : undefined
    if (part?.type !== 'output_text') throw new Error('there is no text')
    expect(part.logprobs).toHaveLength(12)
    for (const { top_logprobs: top, logprob } of part.logprobs ?? []) {
      expect(top).toHaveLength(2)
      expect(logprob).toBe(top[0].logprob)
    }
    const told: unknown[] = []
    for await (const event of await client.responses.create({ ...settings, stream: true })) {
      if (event.type === 'response.output_text.delta') told.push(...event.logprobs)
      if (event.type === 'response.output_text.done') expect(event.logprobs).toEqual(part.logprobs)
    }
    expect(told).toEqual(part.logprobs)
    const unnamed = client.responses.create({ ...SETTINGS, top_logprobs: 2 })
    await expect(unnamed).rejects.toThrow(/top_logprobs needs include/)
  })

  it('ends a stream that fails with response.failed, which keeps the cause to the log', async () => {
    const types: string[] = []
    const failing = testClient(failsAfter(model, 8))
    for await (const event of await failing.responses.create({ ...SETTINGS, stream: true })) {
      types.push(event.type)
      if (event.type !== 'response.failed') continue
      expect(event.response).toMatchObject({ status: 'failed', error: { code: 'server_error' } })
      expect(event.sequence_number).toBe(types.length - 1)
      expect(JSON.stringify(event)).not.toContain('a secret')
    }
    expect(types).toContain('response.output_text.delta')
    expect(types.at(-1)).toBe('response.failed')
    expect(types).not.toContain('response.incomplete')
    await expect(failing.responses.create(SETTINGS)).rejects.toThrow(OpenAI.InternalServerError)
  })

  it('refuses images that nobody would see', async () => {
    const content = [{ type: 'input_image' as const, image_url: 'data:image/png;base64,', detail: 'auto' as const }]
    const refused = client.responses.create({ ...SETTINGS, input: [{ role: 'developer', content }] })
    await expect(refused).rejects.toMatchObject({ status: 400, param: 'input.0.content.0' })
  })

  it('refuses to go on from what it does not keep', async () => {
    const refused = client.responses.create({ ...SETTINGS, previous_response_id: 'resp_1' })
    await expect(refused).rejects.toThrow(OpenAI.BadRequestError)
  })
})
