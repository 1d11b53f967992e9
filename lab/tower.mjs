// How long an image encoder's layer takes at true size (width 1152, 16 heads of 72, 4304 in between, 4096 patches), op by op.
//   node lab/tower.mjs [--type F16] [--threads 2] [--precision fast] [--rounds 3] [--rows 4096] [OTHER...]
//   node lab/tower.mjs --error 27 [--type Q8_0] [--rows 512]     # how far `fast` is from `exact` after so many layers
//   node lab/tower.mjs --models FOLDER [--host chromium] [--type F16,Q8_0]  # a whole layer beside onnxruntime-web's WASM: see tower-onnx.py
// OTHER are work trees with built packages, which take turns with this one. Weights are random. Times are the best of all rounds; in Node
// with one thread they are the processor's, not the clock's, so that they mean something on a machine that is shared.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { LAYERS, towerLayer } from './tower-layer.mjs'
import { peerOf, raceLayer } from './tower-race.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    type: { type: 'string', default: 'F16' },
    threads: { type: 'string', default: '2' },
    precision: { type: 'string', default: 'fast' },
    rounds: { type: 'string', default: '3' },
    rows: { type: 'string', default: '4096' },
    error: { type: 'string' },
    models: { type: 'string' },
    host: { type: 'string', default: 'node' },
  },
})
const ROWS = Number(values.rows)
const { type } = values
const threads = Number(values.threads)
const here = new URL('..', import.meta.url)
const lib = await import(new URL('packages/backend/dist/index.js', here).href)
const kernelsOf = (root) => import(new URL('packages/kernels-cpu/dist/index.js', root).href)

/** A layer on the backend of a work tree. */
async function contestant(root, precision = values.precision) {
  const { cpu } = await kernelsOf(root)
  const backend = await cpu({ threads, precision })
  return { backend, ...(await towerLayer(backend, lib, { type, rows: ROWS })) }
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

/** The package's dev dependency. */
const runtimeFolder = () =>
  dirname(
    createRequire(new URL('packages/vision/package.json', here)).resolve('onnxruntime-web/ort-wasm-simd-threaded.mjs'),
  )

const sizes = { threads, rows: ROWS, precision: values.precision, rounds: Number(values.rounds) }

async function racesInNode(types) {
  const dist = runtimeFolder()
  const { default: ort } = await import(pathToFileURL(join(dist, 'ort.node.min.mjs')).href)
  ort.env.wasm.wasmPaths = pathToFileURL(`${dist}/`).href
  const { cpu } = await kernelsOf(here)
  const results = []
  for (const type of types) {
    const model = new Uint8Array(await readFile(join(values.models, peerOf(type))))
    results.push(await raceLayer({ cpu, lib, ort, model }, { ...sizes, type }, timed))
  }
  return { browser: `Node ${process.version}`, results }
}

async function racesInChromium(types) {
  // TypeScript, of which Node 24 takes the types away.
  const { inChromium } = await import('../apps/node-runner/src/testing/chromium.ts')
  const { RUNTIME } = await import('./tower-page.mjs')
  const files = {}
  for (const name of RUNTIME) files[`/${name}`] = join(runtimeFolder(), name)
  for (const type of types) files[`/${peerOf(type)}`] = resolve(values.models, peerOf(type))
  const page = { module: fileURLToPath(new URL('tower-page.mjs', import.meta.url)), name: 'raceInPage' }
  return inChromium({ ...page, argument: { ...sizes, types }, files, isolated: true, timeoutMs: 3_600_000 })
}

/** A whole layer beside onnxruntime-web's by turns: Q8_0 beside its dynamic int8, other types beside f32. */
async function race() {
  const types = type.split(',')
  const { browser, results } = values.host === 'chromium' ? await racesInChromium(types) : await racesInNode(types)
  console.log(`${browser}, ${threads} threads, ${ROWS} rows`)
  for (const { type, description, version, ours, theirs } of results) {
    const [mine, other] = [Math.min(...ours), Math.min(...theirs)]
    const all = (ms) => `${ms.toFixed(0)} ms, x ${LAYERS}: ${((ms * LAYERS) / 1000).toFixed(1)} s`
    const rounds = ours.map((ms, i) => (theirs[i] / ms).toFixed(2)).join(', ')
    console.log(`${type}, ${description}: ${all(mine)}`)
    console.log(`onnxruntime-web ${version}, ${peerOf(type)}: ${all(other)}`)
    console.log(`${(other / mine).toFixed(2)} times as fast; by rounds ${rounds}`)
  }
}

if (values.error) await error(Number(values.error))
else if (values.models) await race()
else await parts()
process.exit(0)
