import { webgpu } from '@g3/kernels-webgpu'
import { expect, it } from 'vitest'
import { create } from 'webgpu'
import {
  goldenFloats,
  goldens,
  IMAGE_ID,
  largestDifference,
  tinyModel,
  tinyTower,
  tinyView,
} from '../testing/tiny-random.js'
import type { Images } from './gemma3.js'

const VOCAB = 512
const { prompts } = goldens()

/** f32 throughout, so only the order of sums differs: the bound of text on WebGPU. */
const BOUND = 1e-3

const coded = (code: string) => expect.objectContaining({ code })

const gpu = create([])
const adapter = await gpu.requestAdapter()
if (adapter === null && process.env.G3_GPU === 'required')
  throw new Error('G3_GPU is required, but there is no adapter')
/** A driver for CPUs compiles an encoder and a model for long, SwiftShader for minutes: only where all is wanted. */
const isSlow = process.env.G3_GPU !== 'whole' || /swiftshader/i.test(adapter?.info.description ?? '')

async function idsOf(images: Images, name: 'image_1' | 'image_2'): Promise<Int32Array> {
  const ids = Int32Array.from(prompts[name].ids)
  for (const image of prompts[name].images) ids.set(await images.add(tinyView(image)), ids.indexOf(IMAGE_ID))
  return ids
}

it.skipIf(adapter === null || isSlow)(
  'images on WebGPU: logits and steps of Hugging Face with one and two, and again after the device was lost',
  async () => {
    let device: GPUDevice | undefined
    const open = async (): Promise<GPUDevice> => {
      device = await (await gpu.requestAdapter())?.requestDevice()
      return device ?? expect.fail('the adapter has gone')
    }
    await using backend = await webgpu({ device: open, selfCheck: false })
    const { images, sequence, recover } = await tinyModel({ backend, tower: await tinyTower(backend) })
    if (images === undefined) throw new Error('the model has no eyes')
    const text = sequence()
    for (const name of ['image_1', 'image_2'] as const) {
      const ids = await idsOf(images, name)
      const all = new Float32Array(ids.length * VOCAB)
      text.reset()
      await text.scores(ids, (position, row) => all.set(row, position * VOCAB))
      expect(largestDifference(all, goldenFloats(prompts[name].logits))).toBeLessThan(BOUND)
    }
    const want = goldenFloats(prompts.image_1.steps)
    const { forcedIds } = prompts.image_1
    const ids = await idsOf(images, 'image_1')
    text.reset()
    await text.append(ids)
    for (const [step, id] of forcedIds.slice(0, 4).entries()) {
      const expected = want.subarray(step * VOCAB, (step + 1) * VOCAB)
      expect(largestDifference(await text.logits(), expected)).toBeLessThan(BOUND)
      text.step(id)
    }
    device?.destroy()
    await device?.lost
    text.step(300)
    await expect(text.logits()).rejects.toThrow(coded('backend/lost'))
    await recover()
    text.reset()
    await text.append(ids)
    expect(largestDifference(await text.logits(), want.subarray(0, VOCAB))).toBeLessThan(BOUND)
  },
  240_000,
)
