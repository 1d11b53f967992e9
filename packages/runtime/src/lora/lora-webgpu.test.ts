import { webgpu } from '@g3/kernels-webgpu'
import { expect, it } from 'vitest'
import { lastLogits, loraGoldens } from '../testing/lora-goldens.js'
import { largestDifference, tinyModel } from '../testing/tiny-random.js'

/** f32 activations, as the reference has them: only the order of sums differs. */
const BOUND = 1e-3

/** The ops themselves are held to the suite of their own; a whole model's kernels take drivers for CPUs minutes to compile. */
const missing = process.env.G3_GPU === 'whole' ? '' : 'a whole model with adapters on the GPU needs G3_GPU=whole'
if (missing) console.warn(`skipped: ${missing}`)

it.skipIf(missing !== '')(
  'stacked adapters on WebGPU, against Hugging Face with merged weights; and without them',
  async () => {
    const { caseOf, load, logits } = loraGoldens()
    const { ids, rows, adapters, ...stacked } = caseOf('all.gguf', 'attn.gguf')
    await using backend = await webgpu()
    await using model = await tinyModel({ backend })
    const plain = await lastLogits(model, ids, rows)
    const uses = []
    for (const { file, scale } of adapters) uses.push({ adapter: await load(model, file), scale })
    await model.adapters.use(uses)
    const want = logits({ ids, rows, adapters, ...stacked })
    expect(largestDifference(await lastLogits(model, ids, rows), want)).toBeLessThan(BOUND)

    // Token by token, the ids out of the head's buffer: kernels for one row, and the same bits.
    using text = model.sequence()
    await text.append(ids)
    const coming = [text.pick()]
    for (let i = 1; i < 4; i++) {
      coming.push(text.follow())
      await coming[i - 1]
    }
    const written = await Promise.all(coming)
    const found = await text.logits()
    text.reset()
    await text.append([...ids, ...written.slice(0, -1)])
    expect(await text.logits()).toEqual(found)

    for (const { adapter } of uses) await adapter[Symbol.asyncDispose]()
    text[Symbol.dispose]()
    expect(await lastLogits(model, ids, rows)).toEqual(plain)
  },
  900_000,
)
