import { readFileSync } from 'node:fs'
import { type Buffer, type VisionBackend } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { webgpu, webgpuAdapter } from '@g3/kernels-webgpu'
import { loadTower, SIGLIP_896, towerTensors, type TowerConfig } from '@g3/vision'
import { describe, expect, it } from 'vitest'
import { hashedTensor, uniform } from './hashed.js'

interface Golden {
  readonly side: number
  readonly layers: number
  /** Of each stage: patches with their positions, each layer but the last, the last normed. */
  readonly rows: readonly number[]
  readonly softRows: readonly number[]
  readonly stages: number
}

const file = (name: string) => readFileSync(new URL(`../../fixtures/true-width/${name}`, import.meta.url))
const goldenOf = (name: string): Golden & { readonly values: Float32Array } => ({
  ...JSON.parse(file(`${name}.json`).toString()),
  values: new Float32Array(Uint8Array.from(file(`${name}.bin`)).buffer),
})

/** Largest difference beside the largest value of a row. */
function apart(found: Float32Array, want: Float32Array): number {
  const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i])), 0) / largest
}

const onCpu = (): Promise<VisionBackend> => cpu({ threads: 2, precision: 'exact' })

/** WebGPU, where all is wanted: SwiftShader takes minutes to compile an encoder. */
const gpu = process.env.G3_GPU === 'whole' && (await webgpuAdapter().then(({ name }) => !/swiftshader/i.test(name)))

/** Largest of {@link apart}, stage by stage and of the soft tokens. */
async function errors(name: string, make = onCpu): Promise<readonly number[]> {
  const { side, layers, rows, softRows, stages, values } = goldenOf(name)
  const config: TowerConfig = { ...SIGLIP_896, imageSide: side, layers }
  const { width, outWidth } = config
  const sizes = new Map(towerTensors(config).map((tensor) => [tensor.name, tensor]))
  await using inner = await make()
  const buffers = new Map<string, Buffer>()
  const backend: VisionBackend = {
    ...inner,
    buffer(label, ...size) {
      const made = inner.buffer(label, ...size)
      buffers.set(label, made)
      return made
    },
  }
  const encoder = await loadTower(
    backend,
    (wanted) => {
      const size = sizes.get(wanted) ?? expect.fail(`no tensor ${wanted}`)
      return hashedTensor(wanted, size.rows, size.cols)
    },
    config,
  )
  const read = async (label: string): Promise<Float32Array> => {
    const buffer = buffers.get(label) ?? expect.fail(`no buffer ${label}`)
    return backend.read(buffer, buffer.rows)
  }
  /** Asked for between layers: the next changes x only after its attention. */
  const kept: Promise<Float32Array>[] = []
  const pixels = Float32Array.from(uniform('pixels', 3 * side * side))
  const soft = await encoder.encode(pixels, {
    onProgress: (done) => {
      if (done < layers) kept.push(read('vision x'))
    },
  })
  const found = [...(await Promise.all(kept)), await read('vision h')]
  const want = (stage: number, at: number): Float32Array =>
    values.subarray((stage * rows.length + at) * width, (stage * rows.length + at + 1) * width)
  const ofStages = found.map((stage, i) =>
    Math.max(...rows.map((row, at) => apart(stage.subarray(row * width, (row + 1) * width), want(i + 1, at)))),
  )
  const start = stages * rows.length * width
  const ofSoft = softRows.map((row, at) =>
    apart(
      soft.subarray(row * outWidth, (row + 1) * outWidth),
      values.subarray(start + at * outWidth, start + (at + 1) * outWidth),
    ),
  )
  return [...ofStages, Math.max(...ofSoft)]
}

describe('the encoder at its true width computes what torch does, in f32', () => {
  it('a layer of 256 patches', async () => {
    for (const error of await errors('part')) expect(error).toBeLessThan(1e-4)
  })

  it.runIf(gpu)('a layer of 256 patches, on WebGPU', { timeout: 600_000 }, async () => {
    const found = await errors('part', () => webgpu({ selfCheck: false }))
    for (const error of found) expect(error).toBeLessThan(1e-4)
  })

  // A minute of two cores.
  it.runIf(process.env.G3_VISION === 'whole')('three layers of 4,096 patches', { timeout: 1_800_000 }, async () => {
    const found = await errors('whole')
    console.log(
      `largest error beside a row's largest value, stage by stage: ${found.map((e) => e.toExponential(1)).join(', ')}`,
    )
    for (const error of found) expect(error).toBeLessThan(1e-3)
  })
})
