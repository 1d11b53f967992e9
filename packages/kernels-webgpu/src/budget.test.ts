import { describe, expect, it } from 'vitest'
import { counted } from './testing/counting.js'
import { testGpu } from './testing/gpu.js'
import { LAYERS, smallModel } from './testing/small-model.js'
import { webgpu } from './webgpu.js'

const { gpu, missing } = await testGpu()

describe.skipIf(missing !== '')('what a decode token asks of the GPU', () => {
  it('8 dispatches a layer, one write, one pass, one submission, and nothing is made', async () => {
    const adapter = await gpu.requestAdapter()
    const { device, take, weightsLoaded } = counted(await (adapter ?? expect.fail(missing)).requestDevice())
    await using backend = await webgpu({ device, selfCheck: false })
    const model = await smallModel(backend)
    const stored = weightsLoaded()
    model.prompt([1, 2, 3, 4, 5])
    let [id] = await model.picked()
    model.step(id, 5)
    ;[id] = await model.picked()
    const { pipelines } = take()
    expect(pipelines).toBeLessThanOrEqual(20)

    for (let position = 6; position < 12; position++) {
      model.step(id, position)
      ;[id] = await model.picked()
      const { writtenBytes, weightBytesRead, ...counts } = take()
      expect(counts).toEqual({
        // Embedding and its norm; the layers; logits, the best of each 1024 of 3000, the best of these.
        dispatches: 2 + 8 * LAYERS + 3,
        bindGroups: 0,
        buffers: 0,
        bufferBytes: 0,
        freedBytes: 0,
        writes: 1,
        passes: 1,
        submits: 1,
        copiedBytes: 16,
        readbackBytes: 16,
        pipelines: 0,
      })
      // Rows, from, id, position, draw; slot, span and page table of the one cache. The head's step is the body's.
      expect(writtenBytes).toBe(48)
      // The table is read once, the one layer's weights once for each layer.
      expect(weightBytesRead / stored).toBeLessThan(1.3)
    }
    device.destroy()
  })
})
