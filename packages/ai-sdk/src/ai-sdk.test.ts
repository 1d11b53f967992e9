import { Worker } from 'node:worker_threads'
import type { LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider'
import type { Model } from '@g3/runtime'
import { loadModel as loadThere } from '@g3/runtime/worker'
import {
  generateObject,
  generateText,
  isStepCount,
  Output,
  streamObject,
  streamText,
  tool,
  type LanguageModel,
  type ModelMessage,
} from 'ai'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { g3 } from './index.js'
import { imageFile, scripted, tinyFiles, tinyModel } from './testing/tiny.js'

const coded = (code: string) => expect.objectContaining({ code })

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const each of from) found.push(each)
  return found
}

let model: Model
let gemma: LanguageModelV4
beforeAll(async () => {
  model = await tinyModel()
  gemma = g3(model, { modelId: 'tiny' })
})
afterAll(() => model[Symbol.asyncDispose]())

const ask = (text: string) => [{ role: 'user' as const, content: text }]

it('has the types of the specification, and is what the AI SDK takes', () => {
  expectTypeOf(g3).returns.toEqualTypeOf<LanguageModelV4>()
  expectTypeOf<ReturnType<typeof g3>>().toExtend<LanguageModel>()
  expect(gemma).toMatchObject({ specificationVersion: 'v4', provider: 'g3', modelId: 'tiny', supportedUrls: {} })
})

describe('text', () => {
  it('streams what the model writes, with usage and why it ended', async () => {
    const { text, ids, promptTokens } = await model.generate(ask('hello'), { seed: 5, maxTokens: 12 }).result()
    const run = streamText({ model: gemma, prompt: 'hello', seed: 5, maxOutputTokens: 12, onError: () => {} })
    expect((await all(run.textStream)).join('')).toBe(text)
    expect(await run.finishReason).toBe('length')
    expect(await run.usage).toMatchObject({ inputTokens: promptTokens, outputTokens: ids.length })
    expect((await run.finalStep).response.modelId).toBe('tiny')
    const whole = await generateText({ model: gemma, prompt: 'hello', seed: 5, maxOutputTokens: 12 })
    expect(whole.text).toBe(text)
    expect(whole.usage.inputTokenDetails.cacheReadTokens).toBeGreaterThan(0)
  })

  it('hands settings on: stop texts, penalties, and those of its own', async () => {
    const settings = { temperature: 0.7, topP: 0.9, topK: 30, presencePenalty: 0.5, frequencyPenalty: 0.25, seed: 9 }
    const own = { minP: 0.01, repetitionPenalty: 1.1, logitBias: { 270: 3 } }
    const want = await model
      .generate(ask('hello'), { ...settings, ...own, maxTokens: 10, stop: ['g', 'k'], logprobs: 2 })
      .result()
    const { text, providerMetadata, warnings } = await generateText({
      model: gemma,
      prompt: 'hello',
      ...settings,
      maxOutputTokens: 10,
      stopSequences: ['g', 'k'],
      reasoning: 'high',
      providerOptions: { g3: { ...own, logprobs: 2, colour: 'red' } },
    })
    expect(text).toBe(want.text)
    expect(providerMetadata?.g3).toMatchObject({ seed: 9, logprobs: expect.any(Array) })
    const [first] = (providerMetadata?.g3.logprobs ?? []) as { id: number; top: unknown[] }[]
    expect([first.id, first.top.length]).toEqual([want.ids[0], 2])
    expect(warnings).toEqual([
      { type: 'unsupported', feature: 'providerOptions.g3.colour' },
      expect.objectContaining({ type: 'unsupported', feature: 'reasoning' }),
    ])
  })

  it('reads conversations: system text first, turns of one side as one', async () => {
    const asked = scripted('yes')
    const messages: ModelMessage[] = [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two' },
      { role: 'user', content: [{ type: 'text', text: 'three' }] },
      { role: 'user', content: 'four' },
    ]
    await generateText({ model: g3(asked), instructions: 'be brief', messages })
    expect(asked.asked[0][0]).toEqual([
      { role: 'system', content: 'be brief' },
      { role: 'user', content: [{ type: 'text', text: 'one' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'two' }] },
      { role: 'user', content: [{ type: 'text', text: 'three\n\nfour' }] },
    ])
  })

  it('is aborted with the reason of who aborts, and is free for the next call', async () => {
    const abort = new AbortController()
    const call: LanguageModelV4CallOptions = {
      prompt: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
      abortSignal: abort.signal,
      seed: 1,
    }
    const { stream } = await gemma.doStream(call)
    const reading = (async () => {
      let count = 0
      for await (const { type } of stream) if (type === 'text-delta' && ++count === 2) abort.abort('enough')
    })()
    await expect(reading).rejects.toBe('enough')
    await expect(gemma.doGenerate(call)).rejects.toBe('enough')
    const { stream: left } = await gemma.doStream({ prompt: call.prompt, seed: 1 })
    for await (const _ of left) break
    const run = streamText({ model: gemma, prompt: 'hello', abortSignal: AbortSignal.abort(), onError: () => {} })
    expect((await all(run.fullStream)).map(({ type }) => type)).toContain('abort')
    expect((await generateText({ model: gemma, prompt: 'hello', maxOutputTokens: 3, seed: 1 })).text).not.toBe('')
  })

  it('fails before its stream begins, with the code of what is wrong', async () => {
    const failing = { model: gemma, maxRetries: 0 }
    await expect(generateText({ ...failing, prompt: 'a'.repeat(3000) })).rejects.toThrow(
      coded('generate/prompt-too-long'),
    )
    await expect(generateText({ ...failing, prompt: 'a', topP: 2 })).rejects.toThrow(coded('sampling/bad-option'))
    const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'a'.repeat(3000) }] }]
    await expect(gemma.doStream({ prompt })).rejects.toThrow(coded('generate/prompt-too-long'))
  })
})

describe('objects', () => {
  const schema = z.object({
    kind: z.enum(['cat', 'dog']),
    legs: z.int().min(1).max(9),
    tags: z.array(z.boolean()).max(3),
  })

  it('are held to their schema, whole and in pieces', async () => {
    for (const seed of [1, 2]) {
      const { object, finishReason } = await generateObject({ model: gemma, schema, prompt: 'a pet', seed })
      expect(schema.parse(object)).toEqual(object)
      expect(finishReason).toBe('stop')
      const run = streamObject({ model: gemma, schema, prompt: 'a pet', seed })
      const pieces = await all(run.partialObjectStream)
      expect(pieces.length).toBeGreaterThan(1)
      expect(await run.object).toEqual(object)
    }
  })

  it('are the output of texts, too, and enumerations, lists, and JSON of any form', async () => {
    const { output } = await generateText({ model: gemma, output: Output.object({ schema }), prompt: 'a pet', seed: 4 })
    expect(schema.parse(output)).toEqual(output)
    const { object: choice } = await generateObject({
      model: gemma,
      output: 'enum',
      enum: ['yes', 'no'],
      prompt: 'x',
      seed: 1,
    })
    expect(['yes', 'no']).toContain(choice)
    const { object: list } = await generateObject({
      model: gemma,
      output: 'array',
      schema: z.enum(['a', 'b']),
      prompt: 'x',
      seed: 8,
      maxOutputTokens: 300,
    })
    expect(z.array(z.enum(['a', 'b'])).parse(list)).toEqual(list)
  })

  it('tell the model their schema, and are refused where it cannot be enforced', async () => {
    const asked = scripted('{"n": 1}')
    await generateObject({
      model: g3(asked),
      schema: z.object({ n: z.int().max(3) }),
      schemaName: 'count',
      prompt: 'x',
    })
    expect(JSON.stringify(asked.asked[0][0])).toMatch(/which is count.*JSON Schema.*maximum/)
    const unsupported = { type: 'array', uniqueItems: true, items: { type: 'object' } } as const
    const call = gemma.doGenerate({
      prompt: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }],
      responseFormat: { type: 'json', schema: unsupported },
    })
    await expect(call).rejects.toThrow(coded('grammar/unsupported'))
  })
})

describe('tools', () => {
  const add = tool({
    description: 'Adds two numbers.',
    inputSchema: z.object({ a: z.int().min(0).max(99), b: z.int().min(0).max(99) }),
    execute: async ({ a, b }) => a + b,
  })

  it('are called with arguments that fit, by a model that means nothing by it', async () => {
    const { toolCalls, toolResults, finishReason } = await generateText({
      model: gemma,
      tools: { add },
      toolChoice: 'required',
      prompt: 'x',
      seed: 1,
      providerOptions: { g3: { maxCalls: 1 } },
    })
    expect(finishReason).toBe('tool-calls')
    const { a, b } = z.object({ a: z.int(), b: z.int() }).parse(toolCalls[0].input)
    expect(toolResults).toMatchObject([{ toolName: 'add', output: a + b }])
  })

  it('are run in steps, whose results the model reads', async () => {
    const call = '{"name": "add", "parameters": {"a": 2, "b": 40}}'
    const asked = scripted(call, 'It is 42.')
    const run = streamText({
      model: g3(asked),
      tools: { add },
      prompt: 'How much is 2 and 40?',
      stopWhen: isStepCount(3),
    })
    const parts = await all(run.fullStream)
    const deltas = parts.flatMap((part) => (part.type === 'tool-input-delta' ? [part.delta] : []))
    expect(deltas.length).toBeGreaterThan(5)
    expect(JSON.parse(deltas.join(''))).toEqual({ a: 2, b: 40 })
    expect(await run.text).toBe('It is 42.')
    expect((await run.steps).map((step) => step.finishReason)).toEqual(['tool-calls', 'stop'])
    const [, [second]] = asked.asked
    expect(second).toEqual([
      { role: 'system', content: expect.stringMatching(/You have access to functions[\s\S]*Adds two numbers/) },
      { role: 'user', content: [{ type: 'text', text: 'How much is 2 and 40?' }] },
      { role: 'assistant', content: [{ type: 'text', text: call }] },
      { role: 'user', content: [{ type: 'text', text: expect.stringContaining('42') }] },
    ])
  })

  it('may be called side by side, in the form of Python, and be chosen or not', async () => {
    const asked = scripted('[add(a=1, b=2), add(a=3, b=4)]', '{"x": 1}')
    const { toolResults } = await generateText({
      model: g3(asked),
      tools: { add },
      prompt: 'x',
      providerOptions: { g3: { toolForm: 'python' } },
    })
    expect(toolResults.map(({ output }) => output)).toEqual([3, 7])
    const { toolCalls, warnings, output } = await generateText({
      model: g3(asked),
      tools: { add },
      toolChoice: 'none',
      output: Output.json(),
      prompt: 'x',
    })
    expect([toolCalls, output]).toEqual([[], { x: 1 }])
    expect(warnings).toMatchObject([{ type: 'unsupported', feature: 'responseFormat' }])
  })

  it('calls that were cut off are none', async () => {
    const { content, finishReason } = await gemma.doGenerate({
      prompt: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }],
      tools: [{ type: 'function', name: 'add', inputSchema: { type: 'object', properties: { a: { const: 'long' } } } }],
      toolChoice: { type: 'tool', toolName: 'add' },
      maxOutputTokens: 30,
      seed: 1,
    })
    expect(content.filter(({ type }) => type === 'tool-call')).toEqual([])
    expect(finishReason).toEqual({ unified: 'length', raw: 'length' })
  })
})

describe('images', () => {
  const message = (image: Uint8Array | string): ModelMessage[] => [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'what' },
        { type: 'file', mediaType: 'image/jpeg', data: image },
      ],
    },
  ]

  it('are parts of a message, as bytes or base64', async () => {
    const image = await model.picture(imageFile())
    const content = [
      { type: 'text', text: 'what' },
      { type: 'image', image },
    ]
    const want = await model.generate([{ role: 'user', content }], { seed: 2, maxTokens: 6 }).result()
    for (const data of [imageFile(), Buffer.from(imageFile()).toString('base64')]) {
      const { text, usage } = await generateText({ model: gemma, messages: message(data), seed: 2, maxOutputTokens: 6 })
      expect([text, usage.inputTokens]).toEqual([want.text, want.promptTokens])
    }
  })

  it('that are none, and other files, are refused', async () => {
    const failing = { model: gemma, maxRetries: 0 }
    await expect(generateText({ ...failing, messages: message(Uint8Array.of(1, 2, 3)) })).rejects.toThrow(
      coded('vision/unknown-type'),
    )
    const content = [{ type: 'file' as const, mediaType: 'audio/wav', data: Uint8Array.of(1) }]
    await expect(generateText({ ...failing, messages: [{ role: 'user', content }] })).rejects.toThrow(/audio\/wav/)
  })
})

it('asks a model in a worker alike', async () => {
  const worker = () => new Worker(new URL(import.meta.resolve('@g3/runtime/worker/program')))
  const backend = { backend: 'cpu', threads: 1, precision: 'exact' } as const
  await using there = await loadThere({ worker, source: tinyFiles, backend, context: 1024 })
  const remote = g3(there)
  const schema = z.object({ kind: z.enum(['cat', 'dog']) })
  const { object } = await generateObject({ model: remote, schema, prompt: 'a pet', seed: 1 })
  expect(schema.parse(object)).toEqual(object)
  const { toolCalls } = await generateText({
    model: remote,
    tools: { pick: tool({ inputSchema: z.object({ side: z.enum(['left', 'right']) }) }) },
    toolChoice: 'required',
    prompt: 'x',
    seed: 3,
    providerOptions: { g3: { maxCalls: 1 } },
  })
  expect(toolCalls).toMatchObject([{ toolName: 'pick', input: { side: expect.stringMatching(/^(left|right)$/) } }])
})
