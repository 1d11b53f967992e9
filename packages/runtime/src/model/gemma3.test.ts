import { reference, traced, type Backend } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { argmax } from '../sampling/sampler.js'
import { ranking, topK } from '../sampling/top-k.js'
import { goldenFloats, goldens, largestDifference, tinyModel } from '../testing/tiny-random.js'
import type { Gemma3, TextSequence } from './gemma3.js'

const VOCAB = 512
const { prompts, variants, ggufLogits } = goldens()

/** Logits after every one of `ids`, [ids, vocab]. */
async function scoresOf(sequence: TextSequence, ids: readonly number[]): Promise<Float32Array> {
  const all = new Float32Array(ids.length * VOCAB)
  await sequence.scores(ids, (position, logits) => all.set(logits, position * VOCAB))
  return all
}

const coded = (code: string) => expect.objectContaining({ code })

describe.each(['text_short', 'text_long'] as const)('%s on the reference ops, against Hugging Face in f32', (name) => {
  const prompt = prompts[name]

  it('has its logits at every position', async () => {
    const model = await tinyModel()
    const logits = await scoresOf(model.sequence(), prompt.ids)
    expect(largestDifference(logits, goldenFloats(prompt.logits))).toBeLessThan(1e-4)
  })

  it('has its logits in 24 steps through the cache', async () => {
    const sequence = (await tinyModel({ maxRows: 16 })).sequence()
    const want = goldenFloats(prompt.steps)
    await sequence.append(prompt.ids)
    for (const [step, id] of [...prompt.forcedIds, undefined].entries()) {
      const expected = want.subarray(step * VOCAB, (step + 1) * VOCAB)
      expect(largestDifference(await sequence.logits(), expected)).toBeLessThan(1e-4)
      expect(await sequence.pick()).toBe(expected.indexOf(Math.max(...expected)))
      if (id !== undefined) sequence.step(id)
    }
    expect(sequence.length).toBe(prompt.ids.length + prompt.forcedIds.length)
  })
})

it('has the hidden states of Hugging Face after each layer', async () => {
  const { ids, hidden } = prompts.text_long
  const states: Float32Array[] = []
  let lastNormed: Float32Array = new Float32Array(0)
  const backend = traced(reference(), ({ program, op, call, buffer, values }) => {
    // Two ops, then nine a layer: x is whole after the embedding and after every ninth.
    if (program === 'body' && buffer === 'x' && (op === 'embed' || (call - 1) % 9 === 0)) states.push(values)
    if (program === 'body' && buffer === 'h') lastNormed = values
  })
  await (await tinyModel({ backend })).sequence().append(ids)
  const got = [...states.slice(0, -1), lastNormed]
  const want = goldenFloats(hidden)
  const size = ids.length * 64
  expect(got.length).toBe(want.length / size)
  for (const [stage, values] of got.entries()) {
    const expected = want.subarray(stage * size, (stage + 1) * size)
    expect(largestDifference(values, expected), `stage ${stage}`).toBeLessThan(1e-4)
  }
})

describe('variants of the configuration, against Hugging Face in f32', () => {
  it('another query scale', async () => {
    const model = await tinyModel({ change: { attentionScale: 24 ** -0.5 } })
    const logits = await scoresOf(model.sequence(), prompts.text_long.ids)
    expect(largestDifference(logits, goldenFloats(variants.qscale_24.logits))).toBeLessThan(1e-4)
  })

  it('no global layer', async () => {
    const model = await tinyModel({ change: { pattern: 8 } })
    const logits = await scoresOf(model.sequence(), prompts.text_long.ids)
    expect(largestDifference(logits, goldenFloats(variants.sliding_16_layers_all_local.logits))).toBeLessThan(1e-4)
  })

  it('no window: as a window that holds the whole text', async () => {
    const rope = { base: 1e6, scaling: 8 }
    const change = { rope: { local: rope, global: rope } }
    const without = await tinyModel({ change: { ...change, window: undefined, pattern: 1 } })
    const wide = await tinyModel({ change: { ...change, window: 100 } })
    const want = await scoresOf(wide.sequence(), prompts.text_long.ids)
    expect(await scoresOf(without.sequence(), prompts.text_long.ids)).toEqual(want)
  })

  it('a final soft cap bounds the logits and keeps their order', async () => {
    const plain = await scoresOf((await tinyModel()).sequence(), prompts.text_short.ids)
    const capped = await scoresOf((await tinyModel({ change: { finalSoftcap: 5 } })).sequence(), prompts.text_short.ids)
    expect(capped).toEqual(plain.map((logit) => 5 * Math.tanh(logit / 5)))
  })
})

describe('quantised weights, against Hugging Face on the same values', () => {
  it.each(Object.keys(ggufLogits))('%s', async (file) => {
    const model = await tinyModel({ file })
    const logits = await scoresOf(model.sequence(), prompts.text_long.ids)
    const want = goldenFloats(ggufLogits[file])
    expect(largestDifference(logits.subarray(logits.length - want.length), want)).toBeLessThan(1e-3)
  })
})

describe('steps', () => {
  it('of any size give the same bits', async () => {
    const { ids } = prompts.text_long
    const want = await scoresOf((await tinyModel()).sequence(), ids)
    for (const maxRows of [1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 64, 83, 84, 1000]) {
      expect(await scoresOf((await tinyModel({ maxRows })).sequence(), ids), `${maxRows} rows`).toEqual(want)
    }
  })

  it('one by one give the same bits as all at once', async () => {
    const { ids } = prompts.text_long
    const sequence = (await tinyModel({ maxRows: 8 })).sequence()
    const want = await scoresOf((await tinyModel()).sequence(), ids)
    for (const [position, id] of ids.entries()) {
      sequence.step(id)
      expect(await sequence.logits()).toEqual(want.slice(position * VOCAB, (position + 1) * VOCAB))
    }
  })

  it('allocate nothing', async () => {
    const calls: { step: unknown; views: unknown; ids: unknown; positions: unknown }[] = []
    const inner = reference()
    const backend: Backend = {
      ...inner,
      run(program, step) {
        calls.push({ step, views: step.views, ids: step.ids, positions: step.positions })
        inner.run(program, step)
      },
    }
    const sequence = (await tinyModel({ backend })).sequence()
    for (const id of prompts.text_short.ids) sequence.step(id)
    for (const call of calls) {
      for (const key of ['step', 'views', 'ids', 'positions'] as const) expect(call[key]).toBe(calls[0][key])
    }
  })
})

describe('rewind', () => {
  it('is as if the rest had never been', async () => {
    const { ids } = prompts.text_long
    const sequence = (await tinyModel({ maxRows: 16 })).sequence()
    const want = await scoresOf((await tinyModel()).sequence(), ids)
    await sequence.append(ids.slice(0, 70))
    await sequence.append([9, 8, 7, 6, 5, 4, 3])
    sequence.rewind(65)
    sequence.step(400)
    sequence.rewind(65)
    await sequence.append(ids.slice(65))
    expect(await sequence.logits()).toEqual(want.slice(83 * VOCAB))
  })

  it('past what the window still holds is refused; a reset is not', async () => {
    const { ids } = prompts.text_long
    const sequence = (await tinyModel({ maxRows: 8 })).sequence()
    for (let turn = 0; turn < 5; turn++) await sequence.append(ids)
    expect(() => sequence.rewind(140)).toThrow(coded('kv-cache/rewound-past-window'))
    expect(sequence.length).toBe(420)
    sequence.reset()
    expect(sequence.length).toBe(0)
    const want = goldenFloats(prompts.text_short.logits)
    expect(largestDifference(await scoresOf(sequence, prompts.text_short.ids), want)).toBeLessThan(1e-4)
  })

  it('leaves no logits until the next token', async () => {
    const sequence = (await tinyModel()).sequence()
    await expect(sequence.logits()).rejects.toThrow(coded('model/no-logits'))
    await sequence.append([2, 3, 4])
    sequence.rewind(2)
    await expect(sequence.logits()).rejects.toThrow(coded('model/no-logits'))
    await expect(sequence.pick()).rejects.toThrow(coded('model/no-logits'))
    await expect(sequence.top(ranking(3))).rejects.toThrow(coded('model/no-logits'))
    sequence.step(4)
    expect(await sequence.pick()).toBeTypeOf('number')
  })
})

describe('top', () => {
  it('ranks the logits as they are, for as many as it is asked', async () => {
    const sequence = (await tinyModel()).sequence()
    expect(sequence.rankable).toBe(64)
    for (const id of prompts.text_short.ids) {
      sequence.step(id)
      const logits = await sequence.logits()
      for (const count of [1, 5, 64]) {
        const want = ranking(count)
        topK(logits, count, want)
        expect(await sequence.top(ranking(count))).toEqual(want)
      }
    }
    await expect(sequence.top(ranking(65))).rejects.toThrow(coded('model/bad-option'))
  })

  it('is not for a model that caps its logits', async () => {
    const sequence = (await tinyModel({ change: { finalSoftcap: 5 } })).sequence()
    sequence.step(3)
    expect(sequence.rankable).toBe(0)
    await expect(sequence.top(ranking(1))).rejects.toThrow(coded('model/bad-option'))
    expect(await sequence.pick()).toBe(argmax(await sequence.logits()))
  })

  it('and pick say when no logit is a number', async () => {
    const broken = reference()
    const backend: Backend = {
      ...broken,
      // What the body and the head read of the embedding is NaN.
      load(tensor, signal) {
        const nan = { ...tensor, read: async (_: number, into: Uint8Array) => void into.fill(255) }
        return broken.load(tensor.name === 'token_embd.weight' ? nan : tensor, signal)
      },
    }
    const sequence = (await tinyModel({ backend })).sequence()
    sequence.step(3)
    expect((await sequence.top(ranking(4))).size).toBe(0)
    await expect(sequence.pick()).rejects.toThrow(coded('model/bad-logits'))
  })
})

describe('append', () => {
  it('says how many tokens do not fit, before anything changes', async () => {
    const sequence = (await tinyModel({ context: 20, maxRows: 4 })).sequence()
    await sequence.append([2, 3, 4, 5, 6])
    const logits = await sequence.logits()
    await expect(sequence.append(new Int32Array(18))).rejects.toThrow(/^3 of 18 tokens do not fit/)
    await expect(sequence.scores(new Int32Array(16), () => {})).rejects.toThrow(coded('model/context-full'))
    expect(sequence.length).toBe(5)
    expect(await sequence.logits()).toEqual(logits)
    await sequence.append(new Int32Array(15))
    expect(() => sequence.step(1)).toThrow(coded('model/context-full'))
  })

  it.each([-1, 512, 1.5, NaN])('refuses id %s before anything changes', async (id) => {
    const sequence = (await tinyModel({ maxRows: 2 })).sequence()
    await expect(sequence.append([2, 3, 4, id])).rejects.toThrow(coded('model/bad-id'))
    expect(() => sequence.step(id)).toThrow(coded('model/bad-id'))
    expect(sequence.length).toBe(0)
  })

  it('aborted between steps keeps what was stored and goes on from there', async () => {
    const { ids } = prompts.text_long
    const sequence = (await tinyModel({ maxRows: 16 })).sequence()
    const abort = new AbortController()
    const reason = new Error('enough')
    const appending = sequence.append(ids, {
      signal: abort.signal,
      onProgress: (done) => {
        if (done === 32) abort.abort(reason)
      },
    })
    await expect(appending).rejects.toBe(reason)
    expect(sequence.length).toBe(32)
    const want = goldenFloats(prompts.text_long.logits)
    expect(largestDifference(await sequence.logits(), want.slice(31 * VOCAB, 32 * VOCAB))).toBeLessThan(1e-4)
    await sequence.append(ids.slice(32))
    expect(largestDifference(await sequence.logits(), want.slice(83 * VOCAB))).toBeLessThan(1e-4)
  })

  it('lets a timer abort it, though the backend computes on this thread', async () => {
    const sequence = (await tinyModel({ maxRows: 1 })).sequence()
    const appending = sequence.append(prompts.text_long.ids, { signal: AbortSignal.timeout(1) })
    await expect(appending).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(sequence.length).toBeLessThan(84)
  })

  it('does nothing for an aborted signal and for no ids', async () => {
    const sequence = (await tinyModel()).sequence()
    await expect(sequence.append([2], { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    await sequence.append([])
    expect(sequence.length).toBe(0)
  })

  it('reports progress after each step', async () => {
    const sequence = (await tinyModel({ maxRows: 3 })).sequence()
    const seen: number[][] = []
    await sequence.append(prompts.text_short.ids, { onProgress: (...progress) => seen.push(progress) })
    expect(seen).toEqual([
      [3, 7],
      [6, 7],
      [7, 7],
    ])
  })

  it('keeps other calls out until it is done', async () => {
    const sequence = (await tinyModel({ maxRows: 2 })).sequence()
    const appending = sequence.append(prompts.text_short.ids)
    for (const call of [() => sequence.step(1), () => sequence.rewind(0), () => sequence.reset()]) {
      expect(call).toThrow(coded('model/busy'))
    }
    await expect(sequence.append([1])).rejects.toThrow(coded('model/busy'))
    await expect(sequence.logits()).rejects.toThrow(coded('model/busy'))
    await appending
    for (const read of [() => sequence.pick(), () => sequence.logits()]) {
      const reading = read()
      expect(() => sequence.step(1)).toThrow(coded('model/busy'))
      await reading
    }
    sequence.step(1)
    expect(sequence.length).toBe(8)
  })
})

describe('a model', () => {
  const open = (model: Gemma3): TextSequence => model.sequence()

  it('has one sequence at a time', async () => {
    const model = await tinyModel()
    const first = open(model)
    expect(() => open(model)).toThrow(coded('model/busy'))
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    const second = open(model)
    expect(() => first.step(2)).toThrow(coded('model/disposed'))
    expect(() => open(model)).toThrow(coded('model/busy'))
    await model[Symbol.asyncDispose]()
    expect(() => second.step(2)).toThrow(coded('model/disposed'))
    expect(() => open(model)).toThrow(coded('model/disposed'))
  })

  it('writes logits into the array it is given', async () => {
    const sequence = open(await tinyModel())
    await sequence.append([2, 3])
    const into = new Float32Array(VOCAB + 1).fill(7)
    expect(await sequence.logits(into)).toBe(into)
    expect(into[VOCAB]).toBe(7)
    expect(into.subarray(0, VOCAB)).toEqual(await sequence.logits())
    await expect(sequence.logits(new Float32Array(VOCAB - 1))).rejects.toThrow(coded('model/bad-option'))
  })

  it('shares a backend with another', async () => {
    const backend = reference()
    const [a, b] = [open(await tinyModel({ backend })), open(await tinyModel({ backend, file: 'tiny-text-q8_0.gguf' }))]
    const { ids } = prompts.text_long
    await Promise.all([a.append(ids), b.append(ids)])
    const want = goldenFloats(prompts.text_long.logits).slice(83 * VOCAB)
    expect(largestDifference(await a.logits(), want)).toBeLessThan(1e-4)
    expect(largestDifference(await b.logits(), want)).toBeGreaterThan(1e-4)
  })

  it.each([0, -1, 1.5, NaN, 1025])('refuses a context of %s', async (context) => {
    await expect(tinyModel({ context })).rejects.toThrow(coded('model/bad-option'))
  })

  it.each([0, NaN, 70_000])('refuses steps of %s rows', async (maxRows) => {
    await expect(tinyModel({ maxRows })).rejects.toThrow(coded('model/bad-option'))
  })

  it('refuses tensors that are not those of its configuration', async () => {
    await expect(tinyModel({ change: { ffn: 128 } })).rejects.toThrow(coded('model/tensor-shape'))
    await expect(tinyModel({ change: { layers: 8 } })).rejects.toThrow(coded('gguf/missing-tensor'))
  })

  it('tells how much is loaded, and stops when aborted', async () => {
    const seen: number[][] = []
    await tinyModel({ onProgress: (...progress) => seen.push(progress) })
    const total = seen[0][1]
    expect(seen.at(-1)).toEqual([total, total])
    expect(seen.every(([done], i) => i === 0 || done > seen[i - 1][0])).toBe(true)

    const abort = new AbortController()
    const reason = new Error('no longer wanted')
    const loading = tinyModel({ signal: abort.signal, onProgress: () => abort.abort(reason) })
    await expect(loading).rejects.toBe(reason)
  })
})
