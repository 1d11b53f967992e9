import { cpu } from '@g3/kernels-cpu'
import type { ChatMessage } from '@g3/tokenizer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { constraints, compileRegex } from '../grammar/index.js'
import { generateObject } from '../generate/generate-object.js'
import { loadModel as loadHere } from '../generate/load.js'
import type { Chunk } from '../generate/decode.js'
import type { Generation, GenerationResult } from '../generate/generation.js'
import type { Model } from '../generate/model.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { memoryFolder, tinyFiles, tinyTokenizerJson } from '../testing/tiny-checkpoint.js'
import { tinyView } from '../testing/tiny-random.js'
import { loadModel, type WorkerModel } from './index.js'
import { nodeWorker } from './testing/node-worker.js'

const coded = (code: string) => expect.objectContaining({ code })

const folder = () =>
  memoryFolder({ ...tinyFiles(), 'tokenizer.json': tinyTokenizerJson(['<start_of_image>', '<end_of_image>']) })
const mmproj = (): Uint8Array => fixtureBytes('tiny-random/tiny-mmproj-f16.gguf')

/** Without what depends on the clock. */
const told = ({ text, ids, stopReason, promptTokens, seed }: GenerationResult) => ({
  text,
  ids,
  stopReason,
  promptTokens,
  seed,
})

async function collect(from: Generation): Promise<Chunk[]> {
  const chunks: Chunk[] = []
  for await (const chunk of from) chunks.push(chunk)
  return chunks
}

describe('a model in a thread of Node', () => {
  let there: WorkerModel
  let here: Model
  const files = folder()

  beforeAll(async () => {
    const progress: number[] = []
    there = await loadModel({
      worker: nodeWorker,
      source: files.files,
      mmproj: mmproj(),
      backend: { backend: 'cpu', threads: 1 },
      context: 512,
      onProgress: (done) => progress.push(done),
    })
    here = await loadHere({
      source: folder().files,
      mmproj: mmproj(),
      backend: await cpu({ threads: 1 }),
      context: 512,
    })
    expect(progress.length).toBeGreaterThan(0)
  })

  afterAll(async () => {
    await there[Symbol.asyncDispose]()
    await there[Symbol.asyncDispose]()
    await here[Symbol.asyncDispose]()
    // Files that the page read for the worker are closed.
    expect(files.open).toBe(0)
    expect(() => there.generate('a')).toThrow(coded('worker/disposed'))
  })

  it('tells what it loaded', () => {
    expect(there).toMatchObject({ name: here.name, config: here.config, context: 512, seesImages: true, sequences: 1 })
    expect(there.backend).toMatchObject({ name: 'cpu', threads: 1 })
  })

  it.each([
    ['greedy', { temperature: 0, seed: 0, maxTokens: 24 }],
    ['drawn', { seed: 7, maxTokens: 24, topK: 20, repetitionPenalty: 1.2, logitBias: { 300: 2 } }],
    ['with log-probabilities', { seed: 9, maxTokens: 6, logprobs: 3 }],
    ['to a stop string', { seed: 11, maxTokens: 64, stop: ['a', 'e', 300] }],
  ])('writes what a model here does: %s', async (_, options) => {
    const [ours, theirs] = [here.generate('some text', options), there.generate('some text', options)]
    expect(await collect(theirs)).toEqual(await collect(ours))
    expect(told(await theirs.result())).toEqual(told(await ours.result()))
    // For its result alone nothing else crosses.
    expect(told(await there.generate('some text', options).result())).toEqual(told(await ours.result()))
  })

  it('chats, encodes, decodes and gives logits as a model here', async () => {
    const chat = there.chat({ system: 'be brief' })
    const same = here.chat({ system: 'be brief' })
    for (const content of ['hello there', 'and again']) {
      const options = { temperature: 0, seed: 0, maxTokens: 8 }
      expect(await chat.send(content, options).result()).toMatchObject(told(await same.send(content, options).result()))
    }
    expect(chat.messages).toEqual(same.messages)
    chat.reset()
    expect(chat.messages).toEqual([])
    const messages: ChatMessage[] = [{ role: 'user', content: 'hi' }]
    const ids = await there.encode(messages)
    expect(ids).toEqual(here.encode(messages))
    expect(await there.encode('on', ids)).toEqual(here.encode('on', ids))
    expect(await there.decode([...ids])).toBe(here.tokenizer.decode(ids))
    expect(await there.logits(ids)).toEqual(await here.logits(ids))
  })

  it('asks about images, whose bytes can be handed over', async () => {
    const ask = async (picture: object): Promise<ChatMessage[]> => [
      {
        role: 'user',
        content: [
          { type: 'image', image: picture },
          { type: 'text', text: 'what' },
        ],
      },
    ]
    const options = { temperature: 0, seed: 0, maxTokens: 8 }
    const ours = await here.generate(await ask(await here.picture(tinyView(0))), options).result()
    const copied = tinyView(0)
    const picture = await there.picture(copied)
    expect(copied.data.byteLength).toBeGreaterThan(0)
    expect(picture).toMatchObject({ width: 112, height: 112, tokens: 4 })
    expect(told(await there.generate(await ask(picture), options).result())).toEqual(told(ours))
    const moved = tinyView(0)
    const second = await there.picture(moved, { transfer: true })
    expect(moved.data.byteLength).toBe(0)
    const chat = there.chat()
    const content = [
      { type: 'image', image: second },
      { type: 'text', text: 'what' },
    ]
    expect(told(await chat.send(content, options).result())).toEqual(told(ours))
    const foreign = await ask(await here.picture(tinyView(1)))
    expect(() => there.generate(foreign)).toThrow(coded('generate/bad-image'))
    await expect(there.picture(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'vision/unknown-type' })
  })

  it('is held to a form by a text: a regular expression, a grammar, a schema', async () => {
    const options = { seed: 3, maxTokens: 40 }
    const inText = await there.generate('x', { ...options, constraint: { regex: '[a-c]{3} [x-z]{2}' } }).result()
    const constraint = constraints(compileRegex('[a-c]{3} [x-z]{2}'), here.vocabulary()).start()
    expect(told(inText)).toEqual(told(await here.generate('x', { ...options, constraint }).result()))
    const gbnf = await there.generate('x', { ...options, constraint: { gbnf: 'root ::= "ab" [c-d]' } }).result()
    expect(gbnf.text).toMatch(/^ab[cd]$/)
    const schema = z.object({
      a: z.enum(['b', 'c']),
      n: z
        .int()
        .min(1)
        .max(9)
        .transform((n) => n * 100),
    })
    const { object } = await there.generateObject('x', { ...options, schema })
    expect(object).toEqual((await generateObject(here, 'x', { ...options, schema })).object)
    expect(object.n % 100).toBe(0)
    const bad = there.generate('x', { constraint: { regex: '(' } })
    await expect(bad.result()).rejects.toThrow(coded('grammar/bad-regex'))
    await expect(
      there.generateObject('x', { schema: { type: 'string', minLength: 30 }, maxTokens: 4 }),
    ).rejects.toThrow(coded('generate/incomplete-object'))
  })

  it('keeps codes and messages of errors, those at once among them', async () => {
    expect(() => there.generate('a', { maxTokens: 0 })).toThrow(coded('generate/bad-option'))
    const error = await there
      .generate(new Int32Array(0))
      .result()
      .catch((cause: unknown) => cause)
    const same = await here
      .generate(new Int32Array(0))
      .result()
      .catch((cause: unknown) => cause)
    expect([error]).toEqual([same])
    await expect(collect(there.generate('a'.repeat(600)))).rejects.toThrow(coded('generate/prompt-too-long'))
    await expect(
      there
        .generate([
          { role: 'user', content: 'a' },
          { role: 'user', content: 'b' },
        ])
        .result(),
    ).rejects.toThrow(coded('chat/roles-must-alternate'))
  })

  it('aborts, before and within a text, with the reason of who aborts', async () => {
    const before = await there.generate('a', { signal: AbortSignal.abort('never') }).result()
    expect(before).toMatchObject({ text: '', ids: [], stopReason: 'aborted' })
    const abort = new AbortController()
    const running = there.generate('a', { seed: 1, signal: abort.signal, stop: [] })
    let count = 0
    for await (const _ of running) if (++count === 3) abort.abort()
    const { stopReason, ids } = await running.result()
    expect(stopReason).toBe('aborted')
    expect(ids.length).toBeLessThan(30)
    const reason = { not: 'cloneable', at() {} }
    const logits = there.logits(Int32Array.of(2, 300), { signal: AbortSignal.abort(reason) })
    await expect(logits).rejects.toBe(reason)
    // Again and again, and the next text is the same to the bit.
    const want = told(await there.generate('some text', { seed: 5, maxTokens: 12 }).result())
    for (let round = 0; round < 20; round++) {
      const each = new AbortController()
      const cut = there.generate('some text', { seed: round, signal: each.signal })
      let seen = 0
      for await (const _ of cut) if (++seen > round % 4) each.abort()
    }
    expect(told(await there.generate('some text', { seed: 5, maxTokens: 12 }).result())).toEqual(want)
  })

  it('stays a few tokens ahead of a slow reader, and stops when the reader leaves', async () => {
    const run = there.generate('some text', { seed: 2, maxTokens: 300 })
    let read = 0
    for await (const _ of run) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (++read === 20) break
    }
    const { ids, stopReason } = await run.result()
    expect(stopReason).toBe('aborted')
    expect(ids.length).toBeGreaterThanOrEqual(read)
    expect(ids.length).toBeLessThanOrEqual(read + 8)
    // It is free for the next text, which another one at the same time would not find.
    const one = there.generate('a', { maxTokens: 200, seed: 1 })
    await one[Symbol.asyncIterator]().next()
    await expect(there.generate('b').result()).rejects.toThrow(coded('generate/busy'))
    for await (const _ of one) break
  })

  it('saves a text and takes it up again', async () => {
    const { ids } = await there.generate('some text', { temperature: 0, maxTokens: 6 }).result()
    const parts: Uint8Array[] = []
    for await (const part of there.save()) parts.push(part)
    const bytes = async function* () {
      yield* parts
    }
    const restored = await there.restore(bytes())
    expect([...restored]).toEqual([...here.encode('some text'), ...ids])
    const next = await there.generate(await there.encode('on', restored), { temperature: 0, maxTokens: 4 }).result()
    expect(next.cachedTokens).toBeGreaterThanOrEqual(restored.length - 1)
    parts[0][0] ^= 255
    await expect(there.restore(bytes())).rejects.toThrow(coded('kv-cache/snapshot-corrupt'))
  })
})
