import { isG3Error, type Backend } from '@g3/backend'
import { tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { testGpu } from './testing/gpu.js'
import { smallModel, type SmallModel } from './testing/small-model.js'
import { webgpu } from './webgpu.js'

const { gpu, missing, isSlow } = await testGpu()

/** A backend and a way to take its device away. */
async function losable() {
  let device: GPUDevice | undefined
  let opened = 0
  const open = async (): Promise<GPUDevice> => {
    opened++
    const adapter = await gpu.requestAdapter()
    device = await (adapter ?? expect.fail(missing)).requestDevice()
    return device
  }
  const backend = await webgpu({ device: open })
  return {
    backend,
    lose: async () => {
      device?.destroy()
      await device?.lost
    },
    opened: () => opened,
  }
}

const isLoss = (error: unknown): boolean => isG3Error(error) && error.code === 'backend/lost'

/** Runs a text again from its start until the GPU stays for all of it. */
async function picks(
  backend: Backend,
  model: SmallModel,
  trouble: (position: number) => Promise<void>,
): Promise<readonly number[]> {
  for (;;) {
    const ids = [5, 6, 7]
    try {
      model.prompt(ids)
      for (let position = 3; position < 8; position++) {
        await trouble(position)
        const [id] = await model.picked()
        ids.push(id)
        model.step(id, position)
      }
      await model.picked()
      return ids
    } catch (error) {
      if (!isLoss(error)) throw error
      expect(await backend.recovery?.recover()).toBe(true)
    }
  }
}

describe.skipIf(missing !== '')('recovery of a lost device', () => {
  it('weights, programs and tokens are the same on the next one, whenever the first goes', async () => {
    const { backend, lose, opened } = await losable()
    const model = await smallModel(backend)
    const expected = await picks(backend, model, async () => {})
    // SwiftShader compiles for seconds on each device.
    const whens = isSlow ? [5] : [3, 5, 7]
    for (const when of whens) {
      let gone = false
      const found = await picks(backend, model, async (position) => {
        if (gone || position !== when) return
        gone = true
        await lose()
      })
      expect(found).toEqual(expected)
    }
    expect(opened()).toBe(1 + whens.length)
    expect(await backend.recovery?.recover()).toBe(false)
    await backend.dispose()
  })

  it('a tensor that was on its way is read again', async () => {
    const { backend, lose, opened } = await losable()
    const whole = tensor(
      'm',
      'F32',
      8,
      64,
      Float32Array.from({ length: 512 }, (_, i) => i),
    )
    let reads = 0
    const weight = await backend.load({
      ...whole,
      async read(offset, into) {
        if (reads++ === 0) await lose()
        await whole.read(offset, into)
      },
    })
    const out = backend.buffer('out', 1, 64)
    backend.run(
      backend.record('row', (ops) => ops.embed({ weight, scale: 1, out })),
      { rows: 1, ids: Int32Array.of(3) },
    )
    expect([...(await backend.read(out, 1))]).toEqual(Array.from({ length: 64 }, (_, i) => 192 + i))
    expect([reads, opened()]).toEqual([2, 2])
    await backend.dispose()
  })

  it('gives up on a GPU that goes again and again', async () => {
    const device = async (): Promise<GPUDevice> => {
      const adapter = await gpu.requestAdapter()
      const made = await (adapter ?? expect.fail(missing)).requestDevice()
      made.destroy()
      return made
    }
    await expect(webgpu({ device, selfCheck: true })).rejects.toSatisfy(isLoss)
  })
})
