/// <reference types="dom-chromium-ai" />
import { reference } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { loadModel } from '../generate/load.js'
import type { Model } from '../generate/model.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { memoryFolder, tinyFiles, tinyTokenizerJson } from '../testing/tiny-checkpoint.js'
import { tinyView } from '../testing/tiny-random.js'
import { languageModel } from './language-model.js'
import type { LanguageModelClass, LanguageModelSession, PromptInput } from './types.js'

const named = (name: string) => expect.objectContaining({ name })
const files = () =>
  memoryFolder({ ...tinyFiles(), 'tokenizer.json': tinyTokenizerJson(['<start_of_image>', '<end_of_image>']) }).files

let model: Model
let Talker: LanguageModelClass
/** Short answers: the tiny model knows no end. */
const SHORT = { responseConstraint: /[a-z]{4}/, omitResponseConstraintInput: true }
const greedy = { topK: 1, temperature: 0 }

beforeAll(async () => {
  model = await loadModel({
    source: files(),
    mmproj: false,
    backend: () => cpu({ threads: 1 }),
    context: 256,
    sequences: 2,
  })
  Talker = languageModel(model)
})
afterAll(() => model[Symbol.asyncDispose]())

it("has the types of the web's", () => {
  expectTypeOf<LanguageModelClass>().toExtend<typeof LanguageModel>()
  expectTypeOf<LanguageModelSession>().toExtend<LanguageModel>()
})

describe('creating a session', () => {
  it('tells what there is', async () => {
    expect(await Talker.availability()).toBe('available')
    expect(await Talker.availability({ expectedInputs: [{ type: 'text', languages: ['fr'] }] })).toBe('available')
    expect(await Talker.availability({ expectedInputs: [{ type: 'audio' }] })).toBe('unavailable')
    expect(await Talker.availability({ expectedInputs: [{ type: 'image' }] })).toBe('unavailable')
    expect(await Talker.availability({ expectedOutputs: [{ type: 'image' }] })).toBe('unavailable')
    expect(await Talker.params()).toEqual({ defaultTopK: 64, maxTopK: 128, defaultTemperature: 1, maxTemperature: 2 })
  })

  it('takes sampling settings as the specification has them', async () => {
    const of = async (options: object): Promise<number[]> => {
      const { topK, temperature } = await Talker.create(options)
      return [topK, temperature]
    }
    expect(await of({})).toEqual([64, 1])
    expect(await of({ topK: 3, temperature: 0.5 })).toEqual([3, 0.5])
    expect(await of({ topK: 1e6, temperature: 9 })).toEqual([128, 2])
    expect((await of({ samplingMode: 'most-predictable' }))[1]).toBe(0)
    await expect(of({ topK: 0 })).rejects.toThrow(RangeError)
    await expect(of({ temperature: -1 })).rejects.toThrow(RangeError)
    await expect(of({ topK: 1, samplingMode: 'balanced' })).rejects.toThrow(TypeError)
    await expect(of({ samplingMode: 'wild' })).rejects.toThrow(TypeError)
  })

  it('tells a monitor that nothing is left to download', async () => {
    const told: number[] = []
    await Talker.create({ monitor: (monitor) => (monitor.ondownloadprogress = ({ loaded }) => told.push(loaded)) })
    expect(told).toEqual([0, 1])
  })

  it('refuses what it must, by the names of the specification', async () => {
    const create = (initialPrompts: readonly unknown[], more: object = {}) =>
      // @ts-expect-error: input from outside may be anything
      Talker.create({ initialPrompts, ...more })
    await expect(
      create([
        { role: 'user', content: 'a' },
        { role: 'system', content: 'b' },
      ]),
    ).rejects.toThrow(TypeError)
    await expect(create([{ role: 'king', content: 'a' }])).rejects.toThrow(TypeError)
    await expect(create([null])).rejects.toThrow(TypeError)
    await expect(create([{ role: 'user', content: 'x'.repeat(400) }])).rejects.toMatchObject({
      name: 'QuotaExceededError',
      quota: 256,
    })
    await expect(create([], { expectedInputs: [{ type: 'audio' }] })).rejects.toThrow(named('NotSupportedError'))
    await expect(create([], { signal: AbortSignal.abort('why') })).rejects.toBe('why')
    expect(() => new Talker()).toThrow(TypeError)
  })
})

describe('prompting', () => {
  it('answers, streams the same, and knows what was said', async () => {
    const initialPrompts = [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'two' },
    ] as const
    const session = await Talker.create({ ...greedy, initialPrompts })
    const before = session.contextUsage
    const asked = [...initialPrompts, { role: 'user', content: 'three' }]
    expect(before + (await session.measureContextUsage('three'))).toBe(model.encode(asked).length)
    const answer = await session.prompt('three', SHORT)
    expect(answer).toMatch(/^[a-z]{4}$/)
    expect(session.contextUsage).toBe(model.encode(asked).length + model.tokenizer.encode(answer).length)
    expect([session.inputUsage, session.inputQuota]).toEqual([session.contextUsage, session.contextWindow])

    const other = await Talker.create({ ...greedy, initialPrompts })
    const pieces: string[] = []
    for await (const piece of other.promptStreaming('three', SHORT)) pieces.push(piece)
    expect([pieces.join(''), pieces.length > 1]).toEqual([answer, true])
    expect(await other.prompt('four', SHORT)).toBe(await session.prompt('four', SHORT))
  })

  it('goes on from a prefix, and takes messages of one role in a row', async () => {
    const session = await Talker.create(greedy)
    const input: PromptInput = [
      { role: 'user', content: 'one' },
      { role: 'user', content: [{ type: 'text', value: 'two' }] },
      { role: 'assistant', content: 'ab', prefix: true },
    ]
    await session.prompt(input, SHORT)
    const chat = model.chat()
    const expected = model.encode([{ role: 'user', content: 'one\ntwo' }]).length + 2 + 4
    expect([session.contextUsage, chat.messages.length]).toEqual([expected, 0])
  })

  it('appends messages that the model reads in advance', async () => {
    const session = await Talker.create(greedy)
    await session.append('first')
    const usage = session.contextUsage
    expect(usage).toBe(model.encode([{ role: 'user', content: 'first' }]).length)
    const answer = await session.prompt('second', SHORT)
    const whole = await Talker.create(greedy)
    expect(await whole.prompt('first\nsecond', SHORT)).toBe(answer)
  })

  it('holds answers to a schema, or says why not', async () => {
    const session = await Talker.create(greedy)
    const responseConstraint = {
      type: 'object',
      properties: { ok: { type: 'boolean' } },
      required: ['ok'],
      additionalProperties: false,
    }
    expect(JSON.parse(await session.prompt('well?', { responseConstraint }))).toEqual({ ok: expect.any(Boolean) })
    const plain = await session.measureContextUsage('well?')
    expect(await session.measureContextUsage('well?', { responseConstraint })).toBeGreaterThan(plain)
    await expect(session.prompt('a', { responseConstraint: /a/i })).rejects.toThrow(named('NotSupportedError'))
    await expect(session.prompt('a', { responseConstraint: { $dynamicRef: '#a' } })).rejects.toThrow(
      named('NotSupportedError'),
    )
    await expect(session.prompt('a', { responseConstraint: { type: 3 } })).rejects.toThrow(named('SyntaxError'))
  })

  it.each([
    ['a system message', [{ role: 'system', content: 'x' }], 'NotSupportedError'],
    [
      'an image that was not announced',
      [{ role: 'user', content: [{ type: 'image', value: new Blob() }] }],
      'NotSupportedError',
    ],
    ['audio', [{ role: 'user', content: [{ type: 'audio', value: new Blob() }] }], 'NotSupportedError'],
    [
      'a prefix that is not last',
      [
        { role: 'assistant', content: 'x', prefix: true },
        { role: 'user', content: 'y' },
      ],
      'SyntaxError',
    ],
    ['a prefix of a user', [{ role: 'user', content: 'x', prefix: true }], 'SyntaxError'],
    ['no messages', [], 'TypeError'],
    ['a number', 3, 'TypeError'],
    ['a part of no kind', [{ role: 'user', content: [{ type: 'text', value: 3 }] }], 'TypeError'],
  ])('refuses %s', async (_, input, name) => {
    const session = await Talker.create()
    // @ts-expect-error: input from outside may be anything
    await expect(session.prompt(input)).rejects.toThrow(named(name))
    expect(session.contextUsage).toBe(0)
  })

  it('runs tools', async () => {
    const answers = ['{"name": "note", "parameters": {"ok": true}}', 'done']
    const scripted: Model['generate'] = () => {
      const text = answers.shift() ?? ''
      const generation = model.generate('x', { maxTokens: 1 })
      return {
        async *[Symbol.asyncIterator]() {
          yield { text, id: 0 }
        },
        result: async () => ({
          ...(await generation.result()),
          text,
          ids: [...model.tokenizer.encode(text)],
          stopReason: 'stop',
        }),
      }
    }
    const asked: unknown[] = []
    const execute = async (input: unknown): Promise<string> => `seen ${asked.push(input)}`
    const tool = {
      name: 'note',
      description: '',
      inputSchema: { type: 'object', properties: { ok: { type: 'boolean' } } },
      execute,
    }
    const session = await languageModel({ ...model, context: 1024, generate: scripted }).create({ tools: [tool] })
    expect(session.contextUsage).toBeGreaterThan(100)
    expect(await session.prompt('go')).toBe('done')
    expect([asked, answers]).toEqual([[{ ok: true }], []])
    await expect(session.prompt('a', SHORT)).rejects.toThrow(named('NotSupportedError'))
  })
})

describe('a session that is full', () => {
  it('drops its oldest turns, keeps the instructions, and says so', async () => {
    const session = await Talker.create({ ...greedy, initialPrompts: [{ role: 'system', content: 'be brief' }] })
    const events: string[] = []
    session.addEventListener('quotaoverflow', ({ type }) => events.push(type))
    session.oncontextoverflow = ({ type }) => events.push(type)
    for (let turn = 0; turn < 3; turn++) await session.prompt('x'.repeat(50), SHORT)
    expect(events).toEqual(['contextoverflow', 'quotaoverflow'])
    expect(session.contextUsage).toBeLessThanOrEqual(session.contextWindow)
    const before = session.contextUsage
    await expect(session.prompt('x'.repeat(300), SHORT)).rejects.toMatchObject({ name: 'QuotaExceededError' })
    await expect(session.append('x'.repeat(300))).rejects.toMatchObject({ name: 'QuotaExceededError' })
    expect(session.contextUsage).toBe(before)
  })
})

describe('ending', () => {
  it('aborts a prompt as if it had not been, at once, in a queue too', async () => {
    const session = await Talker.create(greedy)
    const stop = new AbortController()
    const reason = new Error('enough')
    const first = session.prompt('go')
    const waiting = session.prompt('and then', { signal: stop.signal })
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await first
    const usage = session.contextUsage
    const later = new AbortController()
    const reader = session.promptStreaming('go', { signal: later.signal }).getReader()
    later.abort(reason)
    await expect(reader.read()).rejects.toBe(reason)
    await session.promptStreaming('go').cancel()
    await expect(session.prompt('go', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(session.contextUsage).toBe(usage)
  })

  it('clones go their own way, and outlive their origin', async () => {
    const session = await Talker.create(greedy)
    await session.prompt('one', SHORT)
    const clone = await session.clone()
    expect(clone.contextUsage).toBe(session.contextUsage)
    const answer = await session.prompt('two', SHORT)
    expect(clone.contextUsage).toBeLessThan(session.contextUsage)
    session.destroy()
    expect(await clone.prompt('two', SHORT)).toBe(answer)
  })

  it('destroys: what runs ends with an AbortError, and nothing begins', async () => {
    const session = await Talker.create()
    const running = session.prompt('go')
    session.destroy()
    session.destroy()
    await expect(running).rejects.toThrow(named('AbortError'))
    for (const attempt of [
      () => session.prompt('a'),
      () => session.append('a'),
      () => session.clone(),
      () => session.measureInputUsage('a'),
    ])
      await expect(attempt()).rejects.toThrow(named('InvalidStateError'))
    await expect(session.promptStreaming('a').getReader().read()).rejects.toThrow(named('InvalidStateError'))
    const stop = new AbortController()
    const other = await Talker.create({ signal: stop.signal })
    stop.abort()
    await expect(other.prompt('a')).rejects.toThrow(named('InvalidStateError'))
  })
})

it('sees images in the forms of the web', async () => {
  await using seeing = await loadModel({
    source: files(),
    mmproj: fixtureBytes('tiny-random/tiny-mmproj-f16.gguf'),
    backend: reference(),
    context: 256,
  })
  const { create, availability } = languageModel(seeing)
  const expectedInputs = [{ type: 'image' as const }]
  expect(await availability({ expectedInputs })).toBe('available')
  const session = await create({ ...greedy, expectedInputs })
  const { width, height, data } = tinyView(0)
  const rgba = new Uint8ClampedArray(width * height * 4).map((_, i) =>
    i % 4 === 3 ? 255 : data[Math.floor(i / 4) * 3 + (i % 4)],
  )
  const content = [
    { type: 'text', value: 'what' } as const,
    { type: 'image', value: { width, height, data: rgba } } as const,
  ]
  const usage = await session.measureContextUsage([{ role: 'user', content }])
  const image = await seeing.picture(tinyView(0))
  expect(usage).toBe(
    seeing.encode([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what' },
          { type: 'image', image },
        ],
      },
    ]).length,
  )
  expect(await session.prompt([{ role: 'user', content }], SHORT)).toMatch(/^[a-z]{4}$/)
  await expect(session.prompt([{ role: 'user', content: [{ type: 'image', value: 'a.png' }] }])).rejects.toThrow(
    TypeError,
  )
})
