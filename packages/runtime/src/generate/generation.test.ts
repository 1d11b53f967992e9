import { G3Error } from '@g3/backend'
import type { Tokenizer } from '@g3/tokenizer'
import { describe, expect, it, vi } from 'vitest'
import type { Ranking } from '../sampling/top-k.js'
import type { Chunk } from './decode.js'
import { engines, type Engine, type Engines } from './engines.js'
import { generation, type Generation } from './generation.js'
import { parseGenerateOptions, type GenerateOptions } from './options.js'

const END = 1
const VOCABULARY = 128

/** A sequence that answers any prompt with a fixed text, one character code an id, then END. */
function scriptedSequence(
  script: string,
  options: { failAt?: number; onAppend?: () => void; window?: number; context?: number } = {},
) {
  const held: number[] = []
  let prompt = 0
  let appended = 0
  const next = (): number => {
    const at = held.length - prompt
    if (at === options.failAt) throw new G3Error('test/failed', 'the backend fell over')
    return at < script.length ? script.charCodeAt(at) : END
  }
  const { context = 64 } = options
  const shared = (ids: Int32Array): number => {
    let count = 0
    while (count < Math.min(ids.length, held.length) && held[count] === ids[count]) count++
    return count
  }
  const sequence = {
    get length() {
      return held.length
    },
    context,
    get remaining() {
      return context - held.length
    },
    shared,
    reuse(ids: Int32Array) {
      const own = shared(ids)
      held.length = held.length - own > (options.window ?? Infinity) ? 0 : own
      return { reused: held.length, branch: 0 }
    },
    keep() {},
    shift(keep: number, drop: number) {
      held.splice(keep, drop)
      prompt -= drop
      return drop
    },
    async append(
      ids: ArrayLike<number>,
      { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
    ) {
      for (let i = 0; i < ids.length; i++) {
        options.onAppend?.()
        signal?.throwIfAborted()
        held.push(ids[i])
        onProgress?.(i + 1)
      }
      appended += ids.length
      prompt = held.length
    },
    pick: async () => next(),
    rankable: 1,
    draw: async () => next(),
    runsAhead: false,
    vocabulary: VOCABULARY,
    takesEdits: false,
    logSum: async () => 0,
    mostRows: 1,
    rowColumns: () => VOCABULARY,
    stepRows: () => Promise.reject(new G3Error('test/rows', 'not here')),
    scores: () => Promise.reject(new G3Error('test/scores', 'not here')),
    follow: () => Promise.reject(new G3Error('test/ahead', 'not here')),
    async top(into: Ranking) {
      into.ids[0] = next()
      into.size = 1
      return into
    },
    async logits(into = new Float32Array(VOCABULARY)) {
      into.fill(-Infinity)
      into[next()] = 0
      return into
    },
    step(id: number) {
      held.push(id)
    },
    rewind(length: number) {
      held.length = length
    },
    reset() {
      held.length = 0
    },
  }
  return { sequence, held, appended: () => appended }
}

/** Decodes one id to one character. */
const characters: Pick<Tokenizer, 'stream'> = {
  stream: () => ({ push: (id) => String.fromCharCode(id), end: () => '' }),
}

const enginesOf = (scripted: { readonly sequence: Engine['sequence'] }): Engines =>
  engines([{ tokenizer: characters, sequence: scripted.sequence, recover: async () => {} }])

const greedy = (options: GenerateOptions = {}) => parseGenerateOptions({ temperature: 0, ...options }, [END])
const PROMPT = Int32Array.of(5, 6, 7)

async function collect(from: Generation): Promise<Chunk[]> {
  const chunks: Chunk[] = []
  for await (const chunk of from) chunks.push(chunk)
  return chunks
}

describe('generation', () => {
  it('streams the text and tells how it went', async () => {
    const run = generation(enginesOf(scriptedSequence('hello')), PROMPT, greedy())
    const chunks = await collect(run)
    expect(chunks.map(({ text }) => text)).toEqual(['h', 'e', 'l', 'l', 'o', ''])
    expect(chunks.at(-1)?.id).toBe(END)
    const result = await run.result()
    expect(result).toMatchObject({ text: 'hello', stopReason: 'stop', promptTokens: 3, cachedTokens: 0 })
    expect(result.ids).toEqual(Array.from('hello', (c) => c.charCodeAt(0)))
    expect(result.prefillMs).toBeGreaterThan(0)
  })

  it.each([
    { topK: 64, of: 'all logits' },
    { topK: 1, of: 'the largest' },
  ])('samples from $of to the same text, since the script leaves no choice', async ({ topK }) => {
    const plan = parseGenerateOptions({ temperature: 1, seed: 3, topK }, [END])
    const result = await generation(enginesOf(scriptedSequence('hello')), PROMPT, plan).result()
    expect(result).toMatchObject({ text: 'hello', seed: 3 })
  })

  it('runs for its result alone, and only once', async () => {
    const scripted = scriptedSequence('abc')
    const run = generation(enginesOf(scripted), PROMPT, greedy())
    expect(scripted.held).toEqual([])
    expect((await run.result()).text).toBe('abc')
    expect((await run.result()).text).toBe('abc')
    expect(scripted.appended()).toBe(3)
  })

  it('stops at a string across tokens, at an id and at maxTokens', async () => {
    const run = (options: GenerateOptions) =>
      generation(enginesOf(scriptedSequence('one.two.three')), PROMPT, greedy(options)).result()
    expect(await run({ stop: ['o.t'] })).toMatchObject({ text: 'one.tw', stopReason: 'stop' })
    expect(await run({ stop: ['t'.charCodeAt(0)] })).toMatchObject({ text: 'one.', stopReason: 'stop' })
    expect(await run({ maxTokens: 5 })).toMatchObject({ text: 'one.t', stopReason: 'length' })
  })

  it('says that the context is full, after the text that fits', async () => {
    const scripted = scriptedSequence('one.two.three', { context: 9 })
    const run = generation(enginesOf(scripted), PROMPT, greedy())
    const texts: string[] = []
    const streamed = (async () => {
      for await (const { text } of run) texts.push(text)
    })()
    await expect(streamed).rejects.toMatchObject({ code: 'generate/context-full' })
    // Three of the prompt; the seventh token is chosen but has no place left.
    expect(texts.join('')).toBe('one.two')
    expect(scripted.held).toHaveLength(9)
  })

  it('stops there if it is told to, and says so', async () => {
    const onOverflow = vi.fn()
    const options: GenerateOptions = { overflow: 'stop', onOverflow }
    const run = (script: string, more: GenerateOptions = {}) =>
      generation(enginesOf(scriptedSequence(script, { context: 9 })), PROMPT, greedy({ ...options, ...more })).result()
    expect(await run('one.two.three')).toMatchObject({ text: 'one.two', stopReason: 'context' })
    expect(onOverflow.mock.calls).toEqual([[{ policy: 'stop', dropped: 0, kept: 9, length: 9 }]])
    expect(await run('one.two.three', { maxTokens: 7 })).toMatchObject({ text: 'one.two', stopReason: 'length' })
    expect(await run('one.tw')).toMatchObject({ text: 'one.tw', stopReason: 'stop' })
    expect(onOverflow).toHaveBeenCalledOnce()
  })

  it('shifts a prompt and an answer that do not fit, and says so each time', async () => {
    const onOverflow = vi.fn()
    const scripted = scriptedSequence('x'.repeat(700), { context: 512 })
    const prompt = Int32Array.from({ length: 600 }, (_, i) => 10 + i)
    const plan = greedy({ overflow: 'shift', keep: 100, onOverflow })
    const result = await generation(enginesOf(scripted), prompt, plan).result()
    expect(result).toMatchObject({ text: 'x'.repeat(700), stopReason: 'stop' })
    // Of 512 tokens 128 stay, and of the other 384 the older half is taken, in whole pages.
    const event = { policy: 'shift', dropped: 128, kept: 128, length: 384 }
    expect(onOverflow.mock.calls).toEqual(Array.from({ length: 7 }, () => [event]))
    expect(scripted.held.slice(0, 128)).toEqual([...prompt.subarray(0, 128)])
  })

  it('refuses to shift where nothing could be dropped', async () => {
    const run = generation(
      enginesOf(scriptedSequence('abc', { context: 300 })),
      PROMPT,
      greedy({ overflow: 'shift', keep: 129 }),
    )
    await expect(run.result()).rejects.toMatchObject({ code: 'generate/bad-option' })
  })

  it('neither emits nor loses held text, however it ends', async () => {
    const run = (options: GenerateOptions) => generation(enginesOf(scriptedSequence('abcab')), PROMPT, greedy(options))
    const chunks = await collect(run({ stop: ['cax'] }))
    expect(chunks.map(({ text }) => text).join('')).toBe('abcab')
    expect(chunks.map(({ text }) => text)).toEqual(['a', 'b', '', '', 'cab', ''])
    expect((await run({ stop: ['cax'], maxTokens: 4 }).result()).text).toBe('abca')
    const left = run({ stop: ['cax'] })
    let seen = 0
    for await (const _ of left) if (++seen === 4) break
    expect(await left.result()).toMatchObject({ text: 'abca', stopReason: 'aborted' })
  })

  it('ends with what it has when it is aborted while decoding', async () => {
    const controller = new AbortController()
    const run = generation(
      enginesOf(scriptedSequence('abcdef')),
      PROMPT,
      greedy({ signal: controller.signal, stop: ['cx'] }),
    )
    const texts: string[] = []
    for await (const { text } of run) {
      texts.push(text)
      if (texts.length === 3) controller.abort()
    }
    expect(texts).toEqual(['a', 'b', '', 'c'])
    expect(await run.result()).toMatchObject({ text: 'abc', stopReason: 'aborted' })
  })

  it('keeps what was read when it is aborted in the prompt, and goes on from there', async () => {
    const controller = new AbortController()
    const scripted = scriptedSequence('abc', { onAppend: () => scripted.held.length === 2 && controller.abort() })
    const pool = enginesOf(scripted)
    const result = await generation(pool, PROMPT, greedy({ signal: controller.signal })).result()
    expect(result).toMatchObject({ text: '', ids: [], stopReason: 'aborted', prefillTokensPerSecond: 0 })
    expect(scripted.held).toEqual([5, 6])
    expect(await generation(pool, PROMPT, greedy()).result()).toMatchObject({ text: 'abc', cachedTokens: 2 })
  })

  it('hears an abort from a timer although its steps never leave the thread', async () => {
    const endless = scriptedSequence('x'.repeat(10_000_000), { context: 10_000_000 })
    const run = generation(enginesOf(endless), PROMPT, greedy({ signal: AbortSignal.timeout(100) }))
    expect(await run.result()).toMatchObject({ stopReason: 'aborted' })
  })

  it('throws a failure to whoever iterates and to whoever asks, frees the engine and empties the cache', async () => {
    const scripted = scriptedSequence('abc', { failAt: 2 })
    const pool = enginesOf(scripted)
    const run = generation(pool, PROMPT, greedy())
    await expect(collect(run)).rejects.toMatchObject({ code: 'test/failed' })
    await expect(run.result()).rejects.toMatchObject({ code: 'test/failed' })
    expect(scripted.held).toEqual([])
    pool.claim(PROMPT)
  })

  it('refuses to run twice at a time, and prompts that are empty or do not fit', async () => {
    const pool = enginesOf(scriptedSequence('abc', { context: 8 }))
    for await (const _ of generation(pool, PROMPT, greedy())) {
      await expect(generation(pool, PROMPT, greedy()).result()).rejects.toMatchObject({ code: 'generate/busy' })
    }
    await expect(generation(pool, new Int32Array(9), greedy()).result()).rejects.toMatchObject({
      code: 'generate/prompt-too-long',
    })
    await expect(generation(pool, new Int32Array(0), greedy()).result()).rejects.toMatchObject({
      code: 'generate/empty-prompt',
    })
  })

  it.each<GenerateOptions>([
    { maxTokens: 0 },
    { maxTokens: NaN },
    { maxTokens: 1.5 },
    { stop: [''] },
    { stop: [-1] },
    { stop: [NaN] },
    { keep: -1 },
    { keep: 0.5 },
  ])('refuses %o', (options) => {
    expect(() => greedy(options)).toThrow(expect.objectContaining({ code: 'generate/bad-option' }))
  })
})

describe('prefix cache', () => {
  it('reads only what is new, and reports progress over the whole prompt', async () => {
    const scripted = scriptedSequence('xy')
    const pool = enginesOf(scripted)
    await generation(pool, PROMPT, greedy()).result()
    const onPrefill = vi.fn()
    const longer = Int32Array.of(5, 6, 7, 'x'.charCodeAt(0), 'y'.charCodeAt(0), 8)
    expect(await generation(pool, longer, greedy({ onPrefill })).result()).toMatchObject({ cachedTokens: 5 })
    expect(onPrefill.mock.calls).toEqual([[6, 6]])
    expect(await generation(pool, longer, greedy()).result()).toMatchObject({ cachedTokens: 5 })
    expect(await generation(pool, Int32Array.of(5, 9), greedy()).result()).toMatchObject({ cachedTokens: 1 })
  })

  it('starts over where the windows no longer reach back', async () => {
    const scripted = scriptedSequence('xyz', { window: 2 })
    const pool = enginesOf(scripted)
    await generation(pool, PROMPT, greedy()).result()
    expect(await generation(pool, Int32Array.of(5, 6, 9), greedy()).result()).toMatchObject({
      cachedTokens: 0,
      text: 'xyz',
    })
    expect(scripted.held.slice(0, 3)).toEqual([5, 6, 9])
  })
})
