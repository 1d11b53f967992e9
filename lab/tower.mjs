// How long an image encoder's layer takes at true size (width 1152, 16 heads of 72, 4304 in between, 4096 patches), op by op.
//   node lab/tower.mjs [--type F16] [--threads 2] [--precision fast] [--rounds 3]
// Q8_0 leaves `down` in F16, as files do: 4304 columns are no whole blocks. Weights are random. Times are the best of all rounds.
import { parseArgs } from 'node:util'
import { rowBytes, toHalf } from '../packages/backend/dist/index.js'
import { cpu } from '../packages/kernels-cpu/dist/index.js'

const { values } = parseArgs({
  options: {
    type: { type: 'string', default: 'F16' },
    threads: { type: 'string', default: '2' },
    precision: { type: 'string', default: 'fast' },
    rounds: { type: 'string', default: '3' },
  },
})
const [ROWS, WIDTH, FFN, HEAD_DIM, LAYERS] = [4096, 1152, 4304, 72, 27]

await using backend = await cpu({ threads: Number(values.threads), precision: values.precision })

let seed = 1
/** Uniform in [-1, 1). */
const next = () => (seed = (Math.imul(seed, 1664525) + 1013904223) | 0) / 2 ** 31

/** Any bytes are levels of Q8_0; scales and floats are made. */
function packed(type, rows, cols) {
  const bytes = new Uint8Array(rows * rowBytes(type, cols))
  const view = new DataView(bytes.buffer)
  if (type === 'Q8_0') {
    for (let i = 0; i < bytes.length; i++) bytes[i] = next() * 127
    for (let i = 0; i < bytes.length; i += 34) view.setUint16(i, toHalf(1 / 127 / Math.sqrt(cols)), true)
  } else {
    const size = bytes.length / (rows * cols)
    for (let i = 0; i < rows * cols; i++) {
      const value = next() / Math.sqrt(cols)
      if (size === 4) view.setFloat32(4 * i, value, true)
      else view.setUint16(2 * i, toHalf(value), true)
    }
  }
  return bytes
}

async function load(type, rows, cols) {
  const bytes = packed(type, rows, cols)
  return backend.load({
    name: `${rows} x ${cols}`,
    type,
    rows,
    cols,
    read: async (at, into) => into.set(bytes.subarray(at, at + into.length)),
  })
}
const { type } = values
const vector = (cols) => load('F32', 1, cols)
const affine = async (rows, cols) => ({
  weight: await load(cols % 32 === 0 ? type : type === 'Q8_0' ? 'F16' : type, rows, cols),
  bias: await vector(rows),
})
const [q, k, v, o] = await Promise.all([0, 1, 2, 3].map(() => affine(WIDTH, WIDTH)))
const [up, down] = [await affine(FFN, WIDTH), await affine(WIDTH, FFN)]
const norm = { weight: await vector(WIDTH), bias: await vector(WIDTH), eps: 1e-6 }
const buffer = (cols) => backend.buffer(`${cols}`, ROWS, cols)
const [x, h, qs, ks, vs, attended] = Array.from({ length: 6 }, () => buffer(WIDTH))
const wide = buffer(FFN)
const table = await load('F32', ROWS, WIDTH)

const attend = { q: qs, k: ks, v: vs, headDim: HEAD_DIM, scale: HEAD_DIM ** -0.5, out: attended }
const parts = {
  'q, k, v and out': (ops) => {
    ops.linear({ x: h, ...q, out: qs })
    ops.linear({ x: h, ...k, out: ks })
    ops.linear({ x: h, ...v, out: vs })
    ops.addLinear({ x: attended, ...o, out: x })
  },
  attention: (ops) => ops.attendAll(attend),
  up: (ops) => ops.linear({ x: h, ...up, gelu: true, out: wide }),
  down: (ops) => ops.addLinear({ x: wide, ...down, out: x }),
  norms: (ops) => {
    ops.layerNorm({ x, ...norm, out: h })
    ops.layerNorm({ x, ...norm, out: h })
  },
  'whole layer': (ops) => {
    ops.embed({ weight: table, scale: 1, out: x })
    ops.layerNorm({ x, ...norm, out: h })
    ops.linear({ x: h, ...q, out: qs })
    ops.linear({ x: h, ...k, out: ks })
    ops.linear({ x: h, ...v, out: vs })
    ops.attendAll(attend)
    ops.addLinear({ x: attended, ...o, out: x })
    ops.layerNorm({ x, ...norm, out: h })
    ops.linear({ x: h, ...up, gelu: true, out: wide })
    ops.addLinear({ x: wide, ...down, out: x })
  },
}
const ids = Int32Array.from({ length: ROWS }, (_, i) => i)
const programs = Object.entries(parts).map(([label, build]) => ({
  label,
  program: backend.record(label, build),
  best: Infinity,
}))
// The whole layer first: it fills what the parts read.
programs.unshift(...programs.splice(-1))
for (let round = 0; round < Number(values.rounds); round++) {
  for (const own of programs) {
    const start = performance.now()
    backend.run(own.program, { rows: ROWS, ids })
    await backend.read(x, 1)
    own.best = Math.min(own.best, performance.now() - start)
  }
}
console.log(`${type}, ${values.precision}, ${backend.caps.description}`)
for (const { label, best } of programs) {
  console.log(
    `${label.padEnd(16)} ${best.toFixed(0).padStart(6)} ms   x ${LAYERS}: ${((best * LAYERS) / 1000).toFixed(1).padStart(6)} s`,
  )
}
