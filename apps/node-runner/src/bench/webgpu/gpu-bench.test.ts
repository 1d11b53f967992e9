import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { webgpuAdapter } from '@g3/kernels-webgpu'
import { afterAll, describe, expect, it } from 'vitest'
import { g3, TINY } from '../../testing/g3.js'

/** SwiftShader takes half a minute for a model. */
const hasAdapter = await webgpuAdapter().then(
  ({ name }) => !/swiftshader/i.test(name),
  () => false,
)

const BENCH = ['bench', '--model', TINY, '--prompt', '8', '--generate', '4', '--repeat', '1', '--json'] as const

const folder = mkdtempSync(join(tmpdir(), 'g3-gpu-bench-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What a worker of the stand-in does for each token: two dispatches in two passes, of which one reads 64 KiB of weights. */
const WORKER = `
  const open = async () => {
    const device = await (await navigator.gpu.requestAdapter()).requestDevice()
    const module = device.createShaderModule({ code: \`
      @group(0) @binding(0) var<storage, read> w: array<u32>;
      @group(0) @binding(1) var<storage, read_write> out: array<u32>;
      @compute @workgroup_size(1) fn main() { out[0] = w[0]; }\` })
    const pipeline = (label) =>
      device.createComputePipeline({ label, layout: 'auto', compute: { module, entryPoint: 'main' } })
    const weights = device.createBuffer({ size: 65536, usage: 0x80 | 0x8 })
    device.queue.writeBuffer(weights, 0, new Uint8Array(65536))
    const out = device.createBuffer({ size: 16, usage: 0x80 | 0x4 })
    return { device, pipelines: [pipeline('mul_mat'), pipeline('get_rows')], buffers: [weights, out] }
  }
  const opened = open()
  onmessage = async ({ data }) => {
    const { device, pipelines, buffers } = await opened
    for (let token = 0; token < data; token++) {
      const encoder = device.createCommandEncoder()
      for (const pipeline of pipelines) {
        const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }))
        const pass = encoder.beginComputePass()
        pass.setPipeline(pipeline)
        pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
        pass.dispatchWorkgroups(1)
        pass.end()
      }
      device.queue.submit([encoder.finish()])
    }
    postMessage('done')
  }`

/** A stand-in for wllama that computes in a worker, as wllama does. */
function standIn(worker: string): NodeJS.ProcessEnv {
  const peers = mkdtempSync(join(folder, 'peers-'))
  const esm = join(peers, 'node_modules/@wllama/wllama/esm')
  mkdirSync(join(esm, 'wasm'), { recursive: true })
  writeFileSync(join(esm, '../package.json'), '{"name":"@wllama/wllama"}')
  writeFileSync(join(esm, 'package.json'), '{"type":"module"}')
  writeFileSync(join(esm, 'wasm/wllama.wasm'), '')
  writeFileSync(
    join(esm, 'index.js'),
    `export class Wllama {
      async loadModel() {
        const url = URL.createObjectURL(new Blob([${JSON.stringify(worker)}]))
        this.worker = new Worker(url, { type: 'module' })
        await this.ask(0)
      }
      ask(tokens) {
        return new Promise((done) => {
          this.worker.onmessage = done
          this.worker.postMessage(tokens)
        })
      }
      async *createCompletion({ max_tokens }) {
        await this.ask(max_tokens)
        for (let made = 0; made < max_tokens; made++) yield { choices: [{}] }
      }
      async exit() {}
    }`,
  )
  return { G3_PEERS: peers }
}

it('counters, kernels and bandwidth are asked of WebGPU only', async () => {
  for (const flags of [['--counters'], ['--per-op'], ['--bandwidth', '100']]) {
    const { code, stderr } = await g3([...BENCH, ...flags])
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('add --backend webgpu') })
  }
})

describe.skipIf(!hasAdapter)('g3 bench --backend webgpu', () => {
  it('counts, ours and a peer that computes in a worker, and tells what was written', async () => {
    const flags = ['--backend', 'webgpu', '--counters', '--per-op', '--bandwidth', '2', '--peers', 'wllama']
    const { code, stdout, stderr } = await g3([...BENCH, ...flags], { env: standIn(WORKER) })
    expect(code, stderr).toBe(0)
    const { g3: ours, counters, perOp, bandwidth, peers, roofline } = JSON.parse(stdout)
    expect(roofline).toBeUndefined()
    expect(ours).toMatchObject({ adapter: expect.any(String), checksum: expect.stringMatching(/^[0-9a-f]{8}$/) })
    expect(counters).toMatchObject({ dispatchesPerLayer: 8, bindGroupsPerToken: 0, buffersPerToken: 0 })
    expect(counters).toMatchObject({ writesPerToken: 1, passesPerToken: 1, submitsPerToken: 1 })
    expect(counters.readbackBytesPerToken).toBeLessThanOrEqual(64)
    expect(counters.weightBytesReadPerToken / counters.weightBytesStored).toBeLessThan(1.02)
    expect(counters.weightBytesReadPerToken / counters.weightBytesStored).toBeGreaterThan(0.9)
    const timed = perOp.reduce((sum: number, op: { dispatchesPerToken: number }) => sum + op.dispatchesPerToken, 0)
    expect(timed).toBe(counters.dispatchesPerToken)
    expect(bandwidth).toMatchObject({ bytesPerSecond: 2e9, source: 'given' })
    expect(bandwidth.decodeFraction).toBeGreaterThan(0)
    expect(peers.wllama.counters).toEqual({
      dispatchesPerToken: 2,
      dispatchesPerLayer: 0,
      bindGroupsPerToken: 2,
      buffersPerToken: 0,
      writesPerToken: 0,
      passesPerToken: 2,
      submitsPerToken: 1,
      readbackBytesPerToken: 0,
      pipelines: 2,
      weightBytesReadPerToken: 65_536,
      weightBytesStored: 65_536,
    })
  })

  it('a peer that silently computes on the CPU has failed', async () => {
    const env = standIn(`onmessage = () => postMessage('done')`)
    const { code, stdout } = await g3([...BENCH, '--backend', 'webgpu', '--peers', 'wllama'], { env })
    expect(code).toBe(1)
    const { failures, bandwidth } = JSON.parse(stdout)
    expect(failures.wllama.message).toMatch(/put nothing on the GPU/)
    expect(bandwidth.source).toBe('copy')
  })
})
