import { reference, type Backend } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { losable } from '../testing/losable.js'
import {
  goldenFloats,
  goldens,
  IMAGE_ID,
  IMAGE_PROMPTS,
  largestDifference,
  tinyModel,
  tinyTower,
  tinyView,
} from '../testing/tiny-random.js'
import type { Gemma3, Images } from './gemma3.js'

const VOCAB = 512
const { prompts, variants } = goldens()
const coded = (code: string) => expect.objectContaining({ code })

async function seeing(options: Parameters<typeof tinyModel>[0] = {}): Promise<{ model: Gemma3; images: Images }> {
  const { backend = reference(), ...rest } = options
  const model = await tinyModel({ backend, tower: await tinyTower(backend), ...rest })
  if (model.images === undefined) throw new Error('the model has no eyes')
  return { model, images: model.images }
}

/** A golden prompt's ids, with those of its images in their places. */
async function idsOf(images: Images, name: (typeof IMAGE_PROMPTS)[number]): Promise<Int32Array> {
  const ids = Int32Array.from(prompts[name].ids)
  let at = 0
  for (const image of prompts[name].images) {
    at = ids.indexOf(IMAGE_ID, at)
    ids.set(await images.add(tinyView(image)), at)
    at += images.tokens
  }
  return ids
}

async function scoresOf(model: Gemma3, ids: Int32Array): Promise<Float32Array> {
  const all = new Float32Array(ids.length * VOCAB)
  await model.sequence().scores(ids, (position, logits) => all.set(logits, position * VOCAB))
  return all
}

/** Tells how often the tower has begun. */
function counting(inner: Backend = reference()): { readonly backend: Backend; readonly encoded: () => number } {
  let encoded = 0
  const run: Backend['run'] = (program, step) => {
    if (step.pixels !== undefined) encoded++
    inner.run(program, step)
  }
  return { backend: { ...inner, run }, encoded: () => encoded }
}

describe.each(IMAGE_PROMPTS)('%s on the reference ops, against Hugging Face in f32', (name) => {
  it('has its logits at every position', async () => {
    const { model, images } = await seeing({ maxRows: 16 })
    const logits = await scoresOf(model, await idsOf(images, name))
    expect(largestDifference(logits, goldenFloats(prompts[name].logits))).toBeLessThan(1e-4)
  })

  it('has its logits in 24 steps through the cache', async () => {
    const { model, images } = await seeing()
    const sequence = model.sequence()
    const want = goldenFloats(prompts[name].steps)
    await sequence.append(await idsOf(images, name))
    for (const [step, id] of [...prompts[name].forcedIds, undefined].entries()) {
      const expected = want.subarray(step * VOCAB, (step + 1) * VOCAB)
      expect(largestDifference(await sequence.logits(), expected)).toBeLessThan(1e-4)
      if (id !== undefined) sequence.step(id)
    }
  })
})

it('looks ahead inside an image that is larger than the window', async () => {
  const { model, images } = await seeing({ change: { window: 3 } })
  const logits = await scoresOf(model, await idsOf(images, 'image_1'))
  expect(largestDifference(logits, goldenFloats(variants.sliding_3_inside_image.logits))).toBeLessThan(1e-4)
})

describe('an image', () => {
  it('is encoded once, whatever texts it is in', async () => {
    const { backend, encoded } = counting()
    const { model, images } = await seeing({ backend, sequences: 2 })
    const seen: number[] = []
    const ids = await idsOf(images, 'image_1')
    await model.sequence().append(ids, { onEncode: (done, total) => seen.push(done, total) })
    expect(seen).toEqual([1, 3, 2, 3, 3, 3])
    await model.sequence().append(await idsOf(images, 'image_far'))
    expect(encoded()).toBe(1)
  })

  it('is a part of what texts share', async () => {
    const { model, images } = await seeing()
    const sequence = model.sequence()
    const ids = await idsOf(images, 'image_far')
    await sequence.append(ids)
    const want = await sequence.logits()
    const other = ids.slice()
    other.set(await images.add(tinyView(1)), other.indexOf(ids[2]))
    expect(sequence.shared(other)).toBe(2)
    expect(sequence.reuse(ids.subarray(0, -1)).reused).toBe(ids.length - 1)
    sequence.step(ids[ids.length - 1])
    expect(await sequence.logits()).toEqual(want)
  })

  it('gives the same bits to texts that take turns', async () => {
    const { model, images } = await seeing({ sequences: 2 })
    const [one, two] = [model.sequence(), model.sequence()]
    const [first, second] = [await idsOf(images, 'image_2'), await idsOf(images, 'image_2_adjacent')]
    await Promise.all([one.append(first), two.append(second)])
    const alone = (await seeing()).model
    await expect(alone.sequence().append(first)).rejects.toThrow(coded('model/unknown-image'))
    for (const [sequence, name] of [
      [one, 'image_2'],
      [two, 'image_2_adjacent'],
    ] as const) {
      const want = goldenFloats(prompts[name].steps).subarray(0, VOCAB)
      expect(largestDifference(await sequence.logits(), want)).toBeLessThan(1e-4)
    }
  })

  it('stops being encoded when aborted, and is not half there afterwards', async () => {
    const { model, images } = await seeing()
    const sequence = model.sequence()
    const ids = await idsOf(images, 'image_1')
    const abort = new AbortController()
    const reason = new Error('no longer wanted')
    const reading = sequence.append(ids, { signal: abort.signal, onEncode: () => abort.abort(reason) })
    await expect(reading).rejects.toBe(reason)
    expect(sequence.length).toBe(7)
    await sequence.append(ids.subarray(7))
    const want = goldenFloats(prompts.image_1.steps).subarray(0, VOCAB)
    expect(largestDifference(await sequence.logits(), want)).toBeLessThan(1e-4)
  })

  it('is encoded again after the hardware was lost, which held what the encoder made of it', async () => {
    const hardware = losable()
    const { backend, encoded } = counting(hardware.backend)
    const { model, images } = await seeing({ backend })
    const sequence = model.sequence()
    const ids = await idsOf(images, 'image_1')
    await sequence.append(ids)
    hardware.loseAfter(0)
    await expect(sequence.logits()).rejects.toThrow(coded('backend/lost'))
    await model.recover()
    sequence.reset()
    await sequence.append(ids)
    expect(encoded()).toBe(2)
    const want = goldenFloats(prompts.image_1.steps).subarray(0, VOCAB)
    expect(largestDifference(await sequence.logits(), want)).toBeLessThan(1e-4)
  })

  it('is refused where it is cut, has another size, or the model has no eyes', async () => {
    const { model, images } = await seeing()
    const ids = await images.add(tinyView(0))
    const sequence = model.sequence()
    await expect(sequence.append(ids.subarray(1))).rejects.toThrow(coded('model/unknown-image'))
    await expect(sequence.append(ids.subarray(0, 3))).rejects.toThrow(coded('model/unknown-image'))
    expect(sequence.length).toBe(0)
    await expect(images.add({ ...tinyView(0), width: 111 })).rejects.toThrow(coded('vision/bad-pixels'))
    await expect((await tinyModel()).sequence().append(ids)).rejects.toThrow(coded('model/bad-id'))
  })
})

it('needs an encoder of the same width, steps that hold an image, and a backend with ops for images', async () => {
  await expect(seeing({ maxRows: 3 })).rejects.toThrow(coded('model/bad-option'))
  const backend = reference()
  const tower = await tinyTower(backend)
  await expect(tinyModel({ backend, tower: { ...tower, width: 32 } })).rejects.toThrow(coded('model/bad-option'))
  const record: Backend['record'] = (label, build) =>
    backend.record(label, (ops) => {
      const text = { ...ops }
      Reflect.deleteProperty(text, 'patches')
      build(text)
    })
  await expect(tinyTower({ ...backend, record })).rejects.toThrow(coded('vision/backend'))
})
