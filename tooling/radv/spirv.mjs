// Prints, among what else Dawn says, the kernels of the 270M as WGSL and as SPIR-V; measure.mjs reads it. A kernel's WGSL begins with a
// comment that names it: precision, program, template. Programs and types are those of gemma-3-270m-q4_k_m.gguf.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../setup/paths.mjs'

const kernels = join(root, 'packages', 'kernels-webgpu')
const { create } = await import(pathToFileURL(createRequire(join(kernels, 'package.json')).resolve('webgpu')).href)
const { webgpu } = await import(pathToFileURL(join(kernels, 'dist', 'index.js')).href)

const ROWS = 64
const [WIDTH, HEADS, HEAD_DIM, HIDDEN] = [640, 4, 256, 2048]
/** As many as make tiles what they are for 262144. */
const VOCABULARY = 16_384

// What an adapter cannot do shows in SPIR-V as clamped indices; without them it is the same on all.
const toggles = ['dump_shaders', 'disable_symbol_renaming', 'disable_robustness']
const gpu = create([`enable-dawn-features=${toggles.join(',')}`])

/** Kernels that both precisions share are named once. */
const seen = new Set()

/** A device that names kernels and compiles each when it is asked to, so that its WGSL and its SPIR-V follow each other. @param {() => string} name */
async function namingDevice(name) {
  const adapter = await gpu.requestAdapter()
  if (adapter === null) throw new Error('no WebGPU adapter: install a Vulkan driver, e.g. Mesa 25 (lavapipe)')
  const requiredFeatures = ['subgroups', 'shader-f16'].filter((feature) => adapter.features.has(feature))
  const device = await adapter.requestDevice({ requiredFeatures })
  device.createComputePipelineAsync = async (descriptor) => device.createComputePipeline(descriptor)
  const module = device.createShaderModule.bind(device)
  device.createShaderModule = ({ label, code }) => {
    const isNew = !seen.has(code)
    seen.add(code)
    return module({ label, code: isNew ? `// kernel: ${name()} ${label}\n${code}` : code })
  }
  return device
}

/** @param {'exact' | 'fast'} precision */
async function compile(precision) {
  let program = ''
  const device = await namingDevice(() => `${precision} ${program}`)
  const backend = await webgpu({ device, precision, unrolled: true, selfCheck: false })
  const weight = (name, type, rows, cols) =>
    backend.load({ name, type, rows, cols, read: async (_, into) => void into.fill(0) })
  const buffer = (label, cols) => backend.buffer(label, ROWS, cols)
  const record = (name, build) => {
    program = name
    backend.record(name, build)
  }
  const matrix = (type, rows, cols = WIDTH) => weight(`${type} ${rows}`, type, rows, cols)
  const [norm, headNorm] = [await weight('norm', 'F32', 1, WIDTH), await weight('head norm', 'F32', 1, HEAD_DIM)]
  const [x, h, y] = [buffer('x', WIDTH), buffer('h', WIDTH), buffer('y', WIDTH)]
  const [q, k, v] = [buffer('q', HEADS * HEAD_DIM), buffer('k', HEAD_DIM), buffer('v', HEAD_DIM)]
  const [attended, gated] = [buffer('attended', HEADS * HEAD_DIM), buffer('gated', HIDDEN)]
  const table = await matrix('Q8_0', VOCABULARY)

  if (precision === 'exact') {
    const rope = { base: 10_000, scaling: 1 }
    record('rows', (ops) => {
      ops.embed({ weight: table, scale: 1, out: x })
      ops.norm({ x, weight: norm, eps: 1e-6, out: h })
      ops.addNorm({ x, y, post: norm, next: norm, eps: 1e-6, out: h })
    })
    for (const type of ['f32', 'f16', 'q8_0']) {
      const room = { label: type, layers: 1, pages: 4, tableEntries: 4 }
      const cache = backend.cache({ ...room, kvHeads: 1, headDim: HEAD_DIM, type })
      record(type, (ops) => {
        ops.qkNormRope({ q, k, qNorm: headNorm, kNorm: headNorm, headDim: HEAD_DIM, eps: 1e-6, rope })
        ops.store({ k, v, cache, layer: 0 })
        ops.attend({ q, cache, layer: 0, scale: 1, out: attended })
      })
    }
  }
  for (const type of ['Q8_0', 'Q5_0']) {
    const [wq, wk, wv] = [await matrix('Q5_0', q.cols), await matrix('Q5_0', k.cols), await matrix(type, v.cols)]
    record(`qkv ${type}`, (ops) =>
      ops.qkv({ x: h, q: { weight: wq, out: q }, k: { weight: wk, out: k }, v: { weight: wv, out: v } }),
    )
  }
  const wo = await matrix('Q4_K', WIDTH, q.cols)
  record('o Q4_K', (ops) => ops.project({ x: attended, weight: wo, out: y }))
  const [gate, up] = [await matrix('Q5_0', HIDDEN), await matrix('Q5_0', HIDDEN)]
  record('gate Q5_0', (ops) => ops.gatedUp({ x: h, gate, up, out: gated }))
  for (const type of ['Q4_K', 'Q6_K']) {
    const down = await matrix(type, WIDTH, HIDDEN)
    record(`down ${type}`, (ops) => ops.project({ x: gated, weight: down, out: y }))
  }
  const ranked = backend.buffer('ranked', ROWS, 128)
  record('head Q8_0', (ops) => ops.top({ x: h, weight: table, limit: VOCABULARY, count: 64, out: ranked }))
}

await compile('exact')
await compile('fast')
// Dawn prints as events are handled.
await new Promise((resolve) => setTimeout(resolve, 200))
process.exit(0)
