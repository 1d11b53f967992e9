// Products of the WebGPU backend beside onnxruntime-web's MatMulNBits: the same adapter, device features, shapes, levels and scales, by turns.
// Operands and results stay on the GPU on both sides; a time is from the call until the queue is done. Build packages first.
//   npm install --prefix FOLDER onnxruntime-web@1.30.0
//   node lab/matmul-peers.mjs --onnxruntime FOLDER [--rounds 15] [--precision exact,fast] [--rows 1,64] [--shapes 640x2048,…]
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pathToFileURL } from 'node:url'
import { median } from './build.mjs'
import { matMulNBits } from './onnx-matmul.mjs'

const { values } = parseArgs({
  options: {
    onnxruntime: { type: 'string' },
    rounds: { type: 'string', default: '15' },
    precision: { type: 'string', default: 'exact,fast' },
    rows: { type: 'string', default: '1,64' },
    bits: { type: 'string', default: '4,8' },
    shapes: { type: 'string', default: '640x2048,640x16384,2048x640' },
  },
})
const numbers = (text, between) => text.split(between).map(Number)
const kernels = new URL('../packages/kernels-webgpu/', import.meta.url)
const { create, globals } = await import(
  pathToFileURL(createRequire(new URL('package.json', kernels)).resolve('webgpu')).href
)
const { webgpu } = await import(new URL('dist/index.js', kernels).href)
const gpu = create([])
Object.assign(globalThis, globals)

/** A device with all the adapter has. */
async function deviceOf() {
  const adapter = await gpu.requestAdapter()
  return adapter.requestDevice({
    requiredFeatures: [...adapter.features].filter((name) => /^(shader-f16|subgroups)$/.test(name)),
  })
}

/** Random levels and scales, as a Q4_0 or Q8_0 file has them and as MatMulNBits does. */
function weights({ cols, outs, bits }) {
  const blocks = (cols / 32) * outs
  const fileBytes = bits === 4 ? 18 : 34
  const file = new Uint8Array(blocks * fileBytes)
  const view = new DataView(file.buffer)
  const levels = new Uint8Array(blocks * 4 * bits)
  const scales = new Float32Array(blocks)
  for (let block = 0; block < blocks; block++) {
    scales[block] = 2 ** -8
    view.setUint16(block * fileBytes, 0x1c00, true)
    for (let i = 0; i < 32; i++) {
      const level = Math.imul(block * 32 + i + 1, 0x9e3779b1) >>> (32 - bits)
      if (bits === 8) {
        file[block * 34 + 2 + i] = level - 128
        levels[block * 32 + i] = level
      } else {
        file[block * 18 + 2 + (i & 15)] |= level << (i < 16 ? 0 : 4)
        levels[block * 16 + (i >> 1)] |= level << (4 * (i & 1))
      }
    }
  }
  return { file, levels, scales }
}

const numberAt = (i) => Math.fround(Math.sin(i))

async function ours(precision) {
  const device = await deviceOf()
  const backend = await webgpu({ device, precision, selfCheck: false })
  return {
    name: `g3 ${precision}`,
    description: backend.caps.description,
    async product({ rows, cols, outs, bits, file }) {
      const read = async (offset, into) => into.set(file.subarray(offset, offset + into.length))
      const weight = await backend.load({ name: 'w', type: bits === 4 ? 'Q4_0' : 'Q8_0', rows: outs, cols, read })
      const bytes = new Uint8Array(Float32Array.from({ length: rows * cols }, (_, i) => numberAt(i)).buffer)
      const readX = async (offset, into) => into.set(bytes.subarray(offset, offset + into.length))
      const table = await backend.load({ name: 'x', type: 'F32', rows: Math.max(2, rows), cols, read: readX })
      const [x, out] = [backend.buffer('x', rows, cols), backend.buffer('out', rows, outs)]
      const fill = backend.record('fill', (ops) => ops.embed({ weight: table, scale: 1, out: x }))
      backend.run(fill, { rows, ids: Int32Array.from({ length: rows }, (_, row) => row) })
      const program = backend.record('product', (ops) => ops.project({ x, weight, out }))
      await backend.read(x, rows)
      return {
        async run() {
          backend.run(program, { rows })
          await Promise.resolve()
          await device.queue.onSubmittedWorkDone()
        },
        result: () => backend.read(out, rows),
      }
    },
  }
}

async function theirs(folder, accuracy) {
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu, userAgent: 'node', hardwareConcurrency: 1 },
    configurable: true,
  })
  const dist = join(resolve(folder), 'node_modules/onnxruntime-web/dist/')
  const { default: ort } = await import(pathToFileURL(`${dist}ort.webgpu.min.mjs`).href)
  ort.env.wasm.numThreads = 1
  ort.env.wasm.wasmPaths = pathToFileURL(dist).href
  ort.env.logLevel = 'error'
  return {
    name: `onnxruntime-web ${ort.env.versions.web}, accuracy_level ${accuracy}`,
    async product(shape) {
      const session = await ort.InferenceSession.create(matMulNBits({ ...shape, accuracy }), {
        executionProviders: ['webgpu'],
        preferredOutputLocation: 'gpu-buffer',
      })
      const device = await ort.env.webgpu.device
      const { rows, cols } = shape
      const buffer = device.createBuffer({ size: rows * cols * 4, usage: 0x80 | 0x08 | 0x04 })
      device.queue.writeBuffer(
        buffer,
        0,
        Float32Array.from({ length: rows * cols }, (_, i) => numberAt(i)),
      )
      const x = ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: [rows, cols] })
      return {
        async run() {
          const { y } = await session.run({ x })
          await device.queue.onSubmittedWorkDone()
          y.dispose()
        },
        async result() {
          const { y } = await session.run({ x })
          return y.getData()
        },
      }
    },
  }
}

const contestants = []
for (const precision of values.precision.split(',')) contestants.push(await ours(precision))
if (values.onnxruntime) for (const accuracy of [0, 4]) contestants.push(await theirs(values.onnxruntime, accuracy))
for (const { name, description = '' } of contestants) console.log(name, description)

for (const rows of numbers(values.rows, ',')) {
  for (const bits of numbers(values.bits, ',')) {
    for (const text of values.shapes.split(',')) {
      const [cols, outs] = numbers(text, 'x')
      const shape = { rows, bits, cols, outs, ...weights({ cols, outs, bits }) }
      const runs = []
      let want
      for (const contestant of contestants) {
        const run = await contestant.product(shape)
        await run.run()
        const got = await run.result()
        want ??= got
        const most = want.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
        const error = want.reduce((max, value, i) => Math.max(max, Math.abs(value - got[i])), 0) / most
        if (!(error < 0.03)) throw new Error(`${contestant.name}, ${text}: ${error} of the largest away`)
        runs.push({ ...run, times: [] })
      }
      for (let round = 0; round < Number(values.rounds); round++) {
        for (const { run, times } of runs) {
          const start = performance.now()
          await run()
          times.push(performance.now() - start)
        }
      }
      console.log(
        `${rows} x ${text}, ${bits} bits:`.padEnd(26),
        runs.map(({ times }) => `${median(times).toFixed(2)} ms`.padStart(10)).join(''),
      )
    }
  }
}
process.exit(0)
