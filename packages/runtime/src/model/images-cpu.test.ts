import { cpu } from '@g3/kernels-cpu'
import { expect, it } from 'vitest'
import {
  goldenFloats,
  goldens,
  IMAGE_ID,
  largestDifference,
  tinyModel,
  tinyTower,
  tinyView,
} from '../testing/tiny-random.js'

const VOCAB = 512
const { ids: golden, images: shown, logits } = goldens().prompts.image_2

it.each([
  ['exact', 1e-4],
  ['precise', 1e-2],
] as const)('images on the CPU, %s: logits within %d of Hugging Face', async (precision, bound) => {
  await using backend = await cpu({ precision, threads: 2 })
  const { images, sequence } = await tinyModel({ backend, tower: await tinyTower(backend) })
  const ids = Int32Array.from(golden)
  for (const image of shown) ids.set((await images?.add(tinyView(image))) ?? [], ids.indexOf(IMAGE_ID))
  const all = new Float32Array(ids.length * VOCAB)
  await sequence().scores(ids, (position, row) => all.set(row, position * VOCAB))
  expect(largestDifference(all, goldenFloats(logits))).toBeLessThan(bound)
})
