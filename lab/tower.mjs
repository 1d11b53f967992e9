// How long an image encoder's layer takes at true size (width 1152, 16 heads of 72, 4304 in between, 4096 patches), op by op.
//   node lab/tower.mjs [--type F16] [--threads 2] [--precision fast] [--rounds 3] [--rows 4096] [OTHER...]
//   node lab/tower.mjs --error 27 [--type Q8_0] [--rows 512]     # how far `fast` is from `exact` after so many layers
//   node lab/tower.mjs --onnxruntime FOLDER --models FOLDER      # a whole layer beside onnxruntime-web's WASM: see tower-onnx.py
// OTHER are work trees with built packages, which take turns with this one. Q8_0 leaves `down` in F16, as files do: 4304 columns are no
// whole blocks. Weights are random. Times are the best of all rounds; with one thread they are the processor's, not the clock's, so that
// they mean something on a machine that is shared.
import { parseArgs } from 'node:util'
import { pathToFileURL } from 'node:url'
import { resolve } from 'node:path'
import { onnxLayer } from './onnx-layer.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    type: { type: 'string', default: 'F16' },
    threads: { type: 'string', default: '2' },
    precision: { type: 'string', default: 'fast' },
    rounds: { type: 'string', default: '3' },
    rows: { type: 'string', default: '4096' },
    error: { type: 'string' },
    onnxruntime: { type: 'string' },
    models: { type: 'string' },
  },
})
const [ROWS, WIDTH, FFN, HEAD_DIM, LAYERS] = [Number(values.rows), 1152, 4304, 72, 27]
const { type } = values
const threads = Number(values.threads)
const here = new URL('..', import.meta.url)
const { rowBytes, toHalf } = await import(new URL('packages/backend/dist/index.js', here).href)

/** Any bytes are levels of Q8_0; scales and floats are made. */
function packed(type, rows, cols, next) {
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

/** The programs of a layer and its parts on the backend of a work tree, with the GMAC that they take. */
async function contestant(root, precision = values.precision) {
  const { cpu } = await import(new URL('packages/kernels-cpu/dist/index.js', root).href)
  const backend = await cpu({ threads, precision })
  let seed = 1
  /** Uniform in [-1, 1). */
  const next = () => (seed = (Math.imul(seed, 1664525) + 1013904223) | 0) / 2 ** 31
  const load = (type, rows, cols) => {
    const bytes = packed(type, rows, cols, next)
    const read = async (at, into) => into.set(bytes.subarray(at, at + into.length))
    return backend.load({ name: `${rows} x ${cols}`, type, rows, cols, read })
  }
  const vector = (cols) => load('F32', 1, cols)
  const affine = async (rows, cols) => ({
    weight: await load(cols % 32 === 0 ? type : type === 'Q8_0' ? 'F16' : type, rows, cols),
    bias: await vector(rows),
  })
  const [q, k, v, o] = [
    await affine(WIDTH, WIDTH),
    await affine(WIDTH, WIDTH),
    await affine(WIDTH, WIDTH),
    await affine(WIDTH, WIDTH),
  ]
  const [up, down] = [await affine(FFN, WIDTH), await affine(WIDTH, FFN)]
  const norm = { weight: await vector(WIDTH), bias: await vector(WIDTH), eps: 1e-6 }
  const buffer = (cols) => backend.buffer(`${cols}`, ROWS, cols)
  const [x, h, qs, ks, vs, attended] = Array.from({ length: 6 }, () => buffer(WIDTH))
  const wide = buffer(FFN)
  const table = await load('F32', ROWS, WIDTH)

  const parts = {
    // First: it fills what the parts read.
    'whole layer': (ops) => {
      ops.embed({ weight: table, scale: 1, out: x })
      parts['next layer'](ops)
    },
    // On what the one before has left.
    'next layer': (ops) => {
      parts.norms(ops)
      for (const part of ['q, k and v', 'attention', 'out', 'up', 'down']) parts[part](ops)
    },
    'q, k and v': (ops) => {
      ops.linear({ x: h, ...q, out: qs })
      ops.linear({ x: h, ...k, out: ks })
      ops.linear({ x: h, ...v, out: vs })
    },
    attention: (ops) =>
      ops.attendAll({ q: qs, k: ks, v: vs, headDim: HEAD_DIM, scale: HEAD_DIM ** -0.5, out: attended }),
    out: (ops) => ops.addLinear({ x: attended, ...o, out: x }),
    up: (ops) => ops.linear({ x: h, ...up, gelu: true, out: wide }),
    down: (ops) => ops.addLinear({ x: wide, ...down, out: x }),
    norms: (ops) => {
      ops.layerNorm({ x, ...norm, out: h })
      ops.layerNorm({ x, ...norm, out: h })
    },
  }
  const square = ROWS * WIDTH * WIDTH
  const macs = { 'q, k and v': 3 * square, attention: 2 * ROWS * ROWS * WIDTH, out: square, norms: 0 }
  macs.up = macs.down = ROWS * WIDTH * FFN
  macs['whole layer'] = Object.values(macs).reduce((sum, count) => sum + count)
  const ids = Int32Array.from({ length: ROWS }, (_, i) => i)
  const programs = Object.entries(parts).map(([label, build]) => {
    const program = backend.record(label, build)
    const run = async () => {
      backend.run(program, { rows: ROWS, ids })
      await backend.read(x, 1)
    }
    return { label, run, macs: macs[label], best: Infinity }
  })
  const [whole, { run: again }, ...rest] = programs
  return { backend, x, again, programs: [whole, ...rest] }
}

/** Milliseconds. */
async function timed(run) {
  const start = performance.now()
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return threads === 1 ? (user + system) / 1000 : performance.now() - start
}

/** The parts of a layer, in work trees by turns. */
async function parts() {
  const roots = [here, ...positionals.map((folder) => pathToFileURL(`${resolve(folder)}/`))]
  const all = []
  for (const root of roots) all.push(await contestant(root))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const i of all[0].programs.keys()) {
      for (const { programs } of all) programs[i].best = Math.min(programs[i].best, await timed(programs[i].run))
    }
  }
  console.log(`${values.type}, ${values.precision}, ${all[0].backend.caps.description}, ${ROWS} rows`)
  for (const i of all[0].programs.keys()) {
    const figures = all.map(({ programs }) => {
      const { best, macs } = programs[i]
      return `${best.toFixed(0).padStart(6)} ms ${macs ? (macs / best / 1e6).toFixed(1).padStart(6) : '     -'} GMAC/s`
    })
    const seconds = ((all[0].programs[i].best * LAYERS) / 1000).toFixed(1)
    console.log(`${all[0].programs[i].label.padEnd(12)}${figures.join('  |')}   x ${LAYERS}: ${seconds.padStart(6)} s`)
  }
  for (const { backend } of all) await backend.dispose()
}

/** Relative L2 of what is left in x after layers that are all the same, fast against exact. */
async function error(layers) {
  const found = []
  for (const precision of ['exact', 'fast']) {
    const { backend, x, again, programs } = await contestant(here, precision)
    await programs[0].run()
    for (let layer = 1; layer < layers; layer++) await again()
    found.push(await backend.read(x, ROWS))
    await backend.dispose()
  }
  const [exact, fast] = found
  const squares = (at) => exact.reduce((sum, _, i) => sum + at(i) ** 2, 0)
  const apart = Math.sqrt(squares((i) => fast[i] - exact[i]) / squares((i) => exact[i]))
  console.log(
    `${values.type}, ${layers} layers, ${ROWS} rows: relative L2 of fast against exact ${apart.toExponential(1)}`,
  )
}

/** A whole layer beside onnxruntime-web's by turns: Q8_0 beside its dynamic int8, other types beside f32. */
async function peers() {
  const name = values.type === 'Q8_0' ? 'layer-int8.onnx' : 'layer-f32.onnx'
  const { backend, programs } = await contestant(here)
  const theirs = await onnxLayer(values.onnxruntime, `${values.models}/${name}`, { threads, rows: ROWS, width: WIDTH })
  const runs = [programs[0].run, theirs.run]
  const times = runs.map(() => [])
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const [i, run] of runs.entries()) {
      const ms = await timed(run)
      // The first is slower: its code is not optimised yet.
      if (round > 0) times[i].push(ms)
    }
  }
  const [ours, other] = times.map((all) => Math.min(...all))
  const each = times[0].map((ms, i) => (times[1][i] / ms).toFixed(2)).join(', ')
  console.log(`${values.type}, ${backend.caps.description}, ${ROWS} rows: ${ours.toFixed(0)} ms`)
  console.log(
    `onnxruntime-web ${theirs.version}, ${name}: ${other.toFixed(0)} ms, ${(other / ours).toFixed(2)} times as long; by rounds ${each}`,
  )
  await backend.dispose()
}

if (values.error) await error(Number(values.error))
else if (values.onnxruntime) await peers()
else await parts()
process.exit(0)
