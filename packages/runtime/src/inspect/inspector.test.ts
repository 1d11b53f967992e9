import { reference, traced, type Backend } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { describe, expect, it } from 'vitest'
import { configFromGguf } from '../config.js'
import { bytesSource, readGguf, tensorNamed } from '../gguf/index.js'
import { fixtureBytes } from '../testing/fixtures.js'
import {
  goldenFloats,
  goldens,
  IMAGE_ID,
  largestDifference,
  tinyModel,
  tinyTower,
  tinyView,
} from '../testing/tiny-random.js'
import { inspector, type Inspector, type InspectorOptions } from './inspector.js'

const { prompts } = goldens()
const ids = prompts.text_long.ids
const coded = (code: string) => expect.objectContaining({ code })

async function tinyInspector(backend: Backend, options: InspectorOptions = {}): Promise<Inspector> {
  const gguf = await readGguf(bytesSource(fixtureBytes('tiny-random/tiny-text-f32.gguf'), 'tiny'))
  return inspector(backend, (name) => tensorNamed(gguf, name), configFromGguf(gguf), options)
}

describe.each([
  ['reference', async () => reference()],
  ['cpu', () => cpu({ threads: 1 })],
] as const)('on %s', (_, open) => {
  it('ends in the logits of the model as it is loaded without taps', async () => {
    await using backend = await open()
    const looked = await (await tinyInspector(backend)).look(ids)
    await using plain = await open()
    const sequence = (await tinyModel({ backend: plain, maxRows: 64, context: 256 })).sequence()
    await sequence.append(ids)
    expect(looked.logits).toEqual(await sequence.logits())
    expect(looked.layers.at(-1)?.candidates[0].id).toBe(await sequence.pick())
  })

  it('gives attention as the softmax of the very queries and keys, in each head of each layer', async () => {
    await using backend = await open()
    const model = await tinyInspector(backend)
    const { layers } = await model.look(ids)
    const wanted = await attentionByHand(ids)
    expect(layers.map(({ kind }) => kind)).toEqual(wanted.map(({ kind }) => kind))
    for (const [layer, { attention }] of layers.entries()) {
      expect(largestDifference(attention, wanted[layer].weights), `layer ${layer}`).toBeLessThan(2e-3)
    }
  })
})

it("reads each layer through the head: Hugging Face's hidden states do the same", async () => {
  const { layers, embedding } = await (await tinyInspector(reference())).look(ids)
  const hidden = goldenFloats(prompts.text_long.hidden)
  const gguf = await readGguf(bytesSource(fixtureBytes('tiny-random/tiny-text-f32.gguf'), 'tiny'))
  const [norm, head] = [await floats(gguf, 'output_norm.weight'), await floats(gguf, 'token_embd.weight')]
  const width = norm.length
  // The last of the goldens is normed already.
  const stages = [embedding, ...layers.slice(0, -1)]
  for (const [stage, { candidates, entropy }] of stages.entries()) {
    const x = hidden.subarray((stage * ids.length + ids.length - 1) * width).subarray(0, width)
    const scale = 1 / Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / width + 1e-6)
    const logits = Array.from({ length: head.length / width }, (_, id) =>
      x.reduce((sum, v, i) => sum + v * scale * norm[i] * head[id * width + i], 0),
    )
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0)
    const best = logits
      .map((logit, id) => ({ id, probability: Math.exp(logit) / sum }))
      .sort((a, b) => b.probability - a.probability)
    expect(candidates.map(({ id }) => id)).toEqual(best.slice(0, 8).map(({ id }) => id))
    for (const [n, { probability }] of candidates.entries()) expect(probability).toBeCloseTo(best[n].probability, 5)
    expect(entropy).toBeCloseTo(-best.reduce((bits, { probability: p }) => bits + p * Math.log2(p), 0), 3)
  }
})

it('gives the same for a text that goes on, that branches and that is read at once, past the window and a step', async () => {
  await using backend = await cpu({ threads: 1 })
  const model = await tinyInspector(backend)
  const long = Int32Array.from({ length: 150 }, (_, n) => ids[n % ids.length])
  const other = long.with(148, 7)
  const fresh = async (text: Int32Array) => (await tinyInspector(backend)).look(text)
  expect(await model.look(long.subarray(0, 149))).toEqual(await fresh(long.subarray(0, 149)))
  expect(await model.look(long)).toEqual(await fresh(long))
  expect(await model.look(other)).toEqual(await fresh(other))
  const { layers } = await model.look(long)
  for (const { kind, attention } of layers) {
    const window = kind === 'local' ? (model.config.window ?? 0) : long.length
    for (let head = 0; head < model.config.heads; head++) {
      const row = attention.subarray(head * long.length, (head + 1) * long.length)
      expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 2)
      expect(row.subarray(0, long.length - window).every((weight) => weight === 0)).toBe(true)
    }
  }
})

it('refuses what it cannot look at, and goes on', async () => {
  const model = await tinyInspector(reference(), { context: 32 })
  await expect(model.look([])).rejects.toThrow(coded('inspect/empty'))
  await expect(model.look([1], { candidates: 0 })).rejects.toThrow(coded('inspect/bad-option'))
  await expect(model.look(new Int32Array(33).fill(5))).rejects.toThrow(coded('model/context-full'))
  await expect(model.look([1, 1 << 20])).rejects.toThrow(coded('model/bad-id'))
  await expect(model.look([1, 2], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  const first = model.look([1, 2])
  await expect(model.look([1, 2])).rejects.toThrow(coded('inspect/busy'))
  expect((await first).positions).toBe(2)
  await expect(tinyInspector(reference(), { context: 0 })).rejects.toThrow(coded('inspect/bad-option'))
})

it('looks at the word after an image, whose rows are attended to like words', async () => {
  await using backend = await cpu({ threads: 1 })
  const model = await tinyInspector(backend, { tower: await tinyTower(backend) })
  if (model.images === undefined) throw new Error('it was loaded with an encoder')
  const image = await model.images.add(tinyView(0))
  const { ids: prompt } = prompts.image_1
  const from = prompt.indexOf(IMAGE_ID)
  const text = [...prompt.slice(0, from), ...image, ...prompt.slice(from).filter((id) => id !== IMAGE_ID)]
  const { layers, logits } = await model.look(text)
  expect(largestDifference(logits, goldenFloats(prompts.image_1.logits).slice(-logits.length))).toBeLessThan(0.05)
  const [{ attention }] = layers.filter(({ kind }) => kind === 'global')
  expect(attention.subarray(from, from + image.length).reduce((sum, weight) => sum + weight, 0)).toBeGreaterThan(0.01)
})

async function floats(gguf: Awaited<ReturnType<typeof readGguf>>, name: string): Promise<Float32Array> {
  const tensor = tensorNamed(gguf, name)
  const values = new Float32Array(tensor.rows * tensor.cols)
  await tensor.read(0, new Uint8Array(values.buffer))
  return values
}

/** Weights of the last row, from the queries and keys that the ops leave in their buffers. */
async function attentionByHand(text: readonly number[]) {
  const rotated: { q: Float32Array; k: Float32Array }[] = []
  let q: Float32Array | undefined
  const backend = traced(reference(), ({ program, op, buffer, values }) => {
    if (program !== 'body' || op !== 'qkNormRope') return
    if (buffer === 'q') q = values
    else if (q) rotated.push({ q, k: values })
  })
  const model = await tinyModel({ backend })
  await model.sequence().append(text)
  const { heads, kvHeads, headDim, attentionScale, window = Infinity, pattern } = model.config
  const last = text.length - 1
  return rotated.map((layer, index) => {
    const isGlobal = (index + 1) % pattern === 0
    const weights = new Float32Array(heads * text.length)
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads)
      const scores = text.map((_, position) => {
        if (!isGlobal && position <= last - window) return -Infinity
        let sum = 0
        for (let i = 0; i < headDim; i++) {
          sum += layer.q[(last * heads + head) * headDim + i] * layer.k[(position * kvHeads + kvHead) * headDim + i]
        }
        return attentionScale * sum
      })
      const largest = Math.max(...scores)
      const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0)
      weights.set(
        scores.map((score) => Math.exp(score - largest) / total),
        head * text.length,
      )
    }
    return { kind: isGlobal ? 'global' : 'local', weights }
  })
}
