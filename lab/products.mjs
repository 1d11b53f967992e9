// How fast one thread multiplies, by type and shape: many tokens (GMAC/s) and one (weights and bytes a second, from memory).
//   node lab/products.mjs [--rows 128] [--precision fast|precise|exact] [--pairs] [SOURCES...]
// Several sources of kernels take turns; figures are the best of all rounds, the median in brackets. Weights are zeros.
import { parseArgs } from 'node:util'
import { build, median, SOURCES } from './build.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '128' },
    precision: { type: 'string', default: 'fast' },
    /** Sums of i16 pairs, as on machines without int8 dot products. */
    pairs: { type: 'boolean', default: false },
  },
})
const rows = Number(values.rows)

// Code, columns and bytes of a stored block, as in packages/kernels-cpu/src/layout.ts.
const { STORED } = await import('../packages/kernels-cpu/src/layout.ts')

const exported = (text) => `${text}
import { configure } from './lib/config'
import { matrixRows } from './lib/layout'
import { multiply, newActivations } from './matrix/multiply'
export function product(configuration: usize, matrix: usize, x: usize, stride: usize, rows: i32, out: usize, outStride: usize): void {
  configure(configuration)
  newActivations()
  multiply(matrix, 0, matrixRows(matrix) / 8, x, stride, rows, out, outStride)
}
`

const MiB = 2 ** 20
const CONFIGURATION = 70_000
const MATRICES = 71_000
const SCRATCH = 2 * MiB
const X = 40 * MiB
const OUT = 48 * MiB
const WEIGHTS = 64 * MiB
const WIDEST = 10_240
/** Weights that no cache holds. */
const STREAM = 48 * MiB

async function cases(folder) {
  const wasm = await build(folder, { 'index.ts': exported })
  const memory = new WebAssembly.Memory({ initial: 16_384, maximum: 65_536, shared: true })
  const nothing = () => {}
  const { instance } = await WebAssembly.instantiate(wasm, { env: { memory, abort: nothing, move: nothing, perform: nothing } })
  const { product, setup } = instance.exports
  setup(65_536, 0, 1)
  const words = new Int32Array(memory.buffer)
  const precision = ['fast', 'precise', 'exact'].indexOf(values.precision)
  words.set([precision, SCRATCH, 8 * MiB, WIDEST, 0, 0, values.pairs ? 0 : 1], CONFIGURATION / 4)
  const x = new Float32Array(memory.buffer, X, rows * WIDEST)
  for (let i = 0; i < x.length; i++) x[i] = Math.sin(i)

  const found = []
  for (const [type, { code, columns, bytes }] of Object.entries(STORED)) {
    for (const [count, cols, outs] of [[rows, 640, 2048], [rows, 2048, 640], [rows, 10_240, 512], [1, 2048, 0]]) {
      if (cols % columns !== 0) continue
      const groupBytes = (cols / columns) * bytes
      const groups = outs > 0 ? outs / 8 : Math.floor(STREAM / groupBytes)
      const address = MATRICES + 32 * found.length
      words.set([code, 8 * groups, cols, WEIGHTS, groupBytes], address / 4)
      const macs = count * 8 * groups * cols
      const run = () => product(CONFIGURATION, address, X, 4 * cols, count, OUT, 32 * groups)
      found.push({ type, shape: outs > 0 ? `${outs} x ${cols}` : `one token`, macs, bytes: outs > 0 ? 0 : groups * groupBytes, run, times: [] })
    }
  }
  return found
}

const folders = positionals.length > 0 ? positionals : [SOURCES]
const all = await Promise.all(folders.map(cases))
for (let round = 0; round < 9; round++) {
  for (let i = 0; i < all[0].length; i++) {
    for (const own of all) {
      const start = performance.now()
      own[i].run()
      own[i].times.push(performance.now() - start)
    }
  }
}
for (const folder of folders) console.log(folder)
for (const [i, { type, shape, bytes }] of all[0].entries()) {
  const figures = all.map((own) => {
    const { macs, times } = own[i]
    const [best, middle] = [Math.min(...times), median(times)]
    const gigabytes = bytes > 0 ? ` ${(bytes / best / 1e6).toFixed(1).padStart(5)} GB/s` : ''
    return `${(macs / best / 1e6).toFixed(1).padStart(6)} (${(macs / middle / 1e6).toFixed(1).padStart(5)}) GMAC/s${gigabytes}`
  })
  console.log(`${type.padEnd(7)} ${shape.padEnd(12)} ${figures.join('   ')}`)
}
