import { tensor } from '@g3/backend/test'
import { cpu, cpuFootprint } from '@g3/kernels-cpu'
import { loadTower, SIGLIP_896, towerTensors } from '@g3/vision'
import { afterEach, expect, it, vi } from 'vitest'
import { encoderWorkload } from './encoder-workload.js'

afterEach(() => vi.restoreAllMocks())

it('is what an encoder takes of the CPU backend', async () => {
  const config = { ...SIGLIP_896, imageSide: 448, width: 288, heads: 4, ffn: 1088, layers: 2, outWidth: 256 }
  const tensors = new Map(
    towerTensors(config).map(({ name, rows, cols }) => [
      name,
      tensor(name, rows === 1 ? 'F32' : 'F16', rows, cols, new Float32Array(rows * cols)),
    ]),
  )
  const get = (name: string) => tensors.get(name) ?? expect.fail(`no ${name}`)
  const opened = vi.spyOn(WebAssembly, 'Memory')
  await using backend = await cpu({ threads: 1 })
  const tower = await loadTower(backend, get, config)
  await tower.encode(new Float32Array(3 * 448 * 448))
  const [{ value }] = opened.mock.results
  const allocated = value instanceof WebAssembly.Memory ? value.buffer.byteLength : NaN
  const workload = { ...encoderWorkload(config, get), caches: [], rows: 1 }
  const { weightsBytes, cacheBytes, scratchBytes } = cpuFootprint(workload, { threads: 1 })
  expect(cacheBytes).toBe(0)
  // Room for a step of as many rows is left out, and memory grows by 1/64 more than is needed.
  expect(weightsBytes + scratchBytes).toBeLessThan(1.02 * allocated)
  expect(weightsBytes + scratchBytes).toBeGreaterThan(0.97 * allocated)
})
