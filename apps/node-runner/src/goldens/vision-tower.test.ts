import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isG3Error, reference, type Buffer, type PackedTensor, type VisionBackend } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { webgpu, webgpuAdapter } from '@g3/kernels-webgpu'
import { towerConfigFromGguf } from '@g3/runtime'
import { bytesSource, readGguf, tensorNamed, type Gguf } from '@g3/runtime/gguf'
import { loadTower, normalise, type TowerConfig } from '@g3/vision'
import { describe, expect, it } from 'vitest'

/** transformers' own, from the goldens of the tiny random model: two images of 112 x 112. */
const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    readFileSync(fileURLToPath(new URL(`../../../../packages/vision/fixtures/tiny-random/${name}`, import.meta.url))),
  )
const floats = (name: string): Float32Array => new Float32Array(fixture(name).buffer)

const CONFIG: TowerConfig = {
  imageSide: 112,
  patchSide: 14,
  width: 48,
  ffn: 80,
  layers: 3,
  heads: 4,
  eps: 1e-6,
  poolSide: 4,
  outWidth: 64,
}
const PATCHES = 64
const IMAGES = [0, 1] as const
const SIDE = CONFIG.imageSide

const views = IMAGES.map((image) => {
  const bytes = 3 * SIDE * SIDE
  return normalise({
    width: SIDE,
    height: SIDE,
    data: fixture('images.u8.bin').slice(image * bytes, (image + 1) * bytes),
  })
})

const open = (file: string): Promise<Gguf> => readGguf(bytesSource(fixture(file), file))

async function tensorsOf(file: string): Promise<(name: string) => PackedTensor> {
  const gguf = await open(file)
  return (name) => tensorNamed(gguf, name)
}

/** WebGPU, where this machine has it and all is wanted: a driver for CPUs compiles a tower for long, SwiftShader for minutes. */
const gpu = await webgpuAdapter().then(
  ({ name }) => process.env.G3_GPU === 'whole' && !/swiftshader/i.test(name),
  (error: unknown) => {
    if (!isG3Error(error) || error.code !== 'webgpu/unavailable' || process.env.G3_GPU === 'required') throw error
    console.warn(`skipped on WebGPU: ${error.message}`)
    return false
  },
)

/** A backend, with its buffers by label. */
function observed(inner: VisionBackend = reference()): {
  readonly backend: VisionBackend
  readonly buffers: Map<string, Buffer>
} {
  const buffers = new Map<string, Buffer>()
  return {
    backend: {
      ...inner,
      buffer(label, rows, cols) {
        const made = inner.buffer(label, rows, cols)
        buffers.set(label, made)
        return made
      },
    },
    buffers,
  }
}

/** Largest difference of values in order. */
const apart = (found: Float32Array, expected: Float32Array): number =>
  found.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - expected[i])),
    found.length === expected.length ? 0 : NaN,
  )

describe.each([
  ['tiny-mmproj-f32-legacy-ffn-names.gguf', 'vision.soft_tokens.bin'],
  ['tiny-mmproj-f16.gguf', 'vision.soft_tokens.f16weights.bin'],
])('%s', (file, expected) => {
  it('names its sizes', async () => {
    expect(towerConfigFromGguf(await open(file))).toEqual({ ...CONFIG, eps: Math.fround(1e-6) })
  })

  // Soft tokens reach 4.2. Keys, values and weights of attention have 14 bits: each is off by up to 6e-5 of the largest beside it, which
  // in three layers comes to 3e-4 here.
  it.each([
    ['reference', 1e-4, async () => observed().backend],
    ['cpu, exact', 1e-4, () => cpu({ threads: 2, precision: 'exact' })],
    ['cpu, fast', 2e-3, () => cpu({ threads: 2 })],
    // f32, as exact on the CPU.
    ...(gpu ? ([['webgpu', 1e-4, () => webgpu({ selfCheck: false })]] as const) : []),
  ] as const)("gives transformers' soft tokens: %s", async (_, most, make) => {
    await using backend = await make()
    const encoder = await loadTower(backend, await tensorsOf(file), CONFIG)
    expect(encoder).toMatchObject({ tokens: 4, width: 64, side: SIDE })
    for (const image of IMAGES) {
      const values = floats(expected).subarray(image * 4 * 64, (image + 1) * 4 * 64)
      expect(apart(await encoder.encode(views[image]), values)).toBeLessThan(most)
    }
  })
})

describe.each([
  ['reference', async () => reference()],
  ...(gpu ? ([['webgpu', () => webgpu({ selfCheck: false })]] as const) : []),
] as const)('stage by stage: %s', (_, make) => {
  /** What `label` holds after the first `layers` layers. */
  const stage = async (layers: number, image: number, label: string): Promise<Float32Array> => {
    const { backend, buffers } = observed(await make())
    const tensors = await tensorsOf('tiny-mmproj-f32-legacy-ffn-names.gguf')
    const encoder = await loadTower(backend, tensors, { ...CONFIG, layers })
    await encoder.encode(views[image])
    const buffer = buffers.get(`vision ${label}`)
    if (buffer === undefined) throw new Error(`there is no buffer ${label}`)
    const values = await backend.read(buffer, buffer.rows)
    await backend.dispose()
    return values
  }
  const size = PATCHES * CONFIG.width

  it.each(IMAGES)('image %i', async (image) => {
    const of = (name: string, index: number, length = size): Float32Array =>
      floats(name).subarray(index * length, (index + 1) * length)
    expect(apart(await stage(0, image, 'x'), of('vision.embeddings.bin', image))).toBeLessThan(1e-4)
    for (const layers of [1, 2, 3]) {
      const expected = of('vision.layers.bin', (layers - 1) * IMAGES.length + image)
      expect(apart(await stage(layers, image, 'x'), expected)).toBeLessThan(1e-4)
    }
    expect(apart(await stage(3, image, 'h'), of('vision.last_hidden.bin', image))).toBeLessThan(1e-4)
    expect(apart(await stage(3, image, 'pooled'), of('vision.pooled.bin', image, 4 * CONFIG.width))).toBeLessThan(1e-4)
  })
})

describe('refuses', () => {
  const load = async (config: Partial<TowerConfig>) =>
    loadTower(reference(), await tensorsOf('tiny-mmproj-f16.gguf'), { ...CONFIG, ...config })

  it.each([
    [{ patchSide: 15 }, 'vision/bad-config'],
    [{ poolSide: 3 }, 'vision/bad-config'],
    [{ heads: 5 }, 'vision/bad-config'],
    [{ outWidth: 32 }, 'vision/tensor-shape'],
    [{ imageSide: 224 }, 'vision/tensor-shape'],
  ])("sizes that are not the file's: %j", async (config, code) => {
    await expect(load(config)).rejects.toMatchObject({ code })
  })

  it('pixels of another size', async () => {
    const encoder = await load({})
    await expect(encoder.encode(views[0].subarray(1))).rejects.toMatchObject({ code: 'vision/bad-pixels' })
  })
})
