import { gunzipSync } from 'node:zlib'
import type { Backend, QuantType } from '@g3/backend'
import { random, tensor } from '@g3/backend/test'
import { cpu } from '@g3/kernels-cpu'
import { expect, it } from 'vitest'
import { relaxed } from './generated/relaxed.js'

const OUTS = 1024
const COLS = 768
const TILE_MACS = 4 * 8 * 256
const ROUNDS = 60

interface Contestant {
  readonly name: string
  readonly macs: number
  run(): void
}

/** The bare products of a tile, never folded, in both forms. */
async function bareLoops(): Promise<Contestant[]> {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 65_536, shared: true })
  const bytes = gunzipSync(Buffer.from(relaxed, 'base64'))
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory, abort: () => {} } })
  const { multiplyPairs, multiplyQuads } = instance.exports as Record<string, (operands: number, tiles: number) => number>
  return [multiplyPairs, multiplyQuads].map((loop, i) => ({
    name: ['pairs', 'quads'][i],
    macs: 1000 * TILE_MACS,
    run: () => void loop(1 << 16, 1000),
  }))
}

/** `rows` tokens times a matrix, on the caller's own thread. */
async function product(backend: Backend, type: QuantType, rows: number): Promise<Contestant> {
  const label = `${type}, rows ${rows}`
  const weight = await backend.load(tensor(label, type, OUTS, COLS, random(1).normal(OUTS * COLS)))
  const x = backend.buffer(`x of ${label}`, rows, COLS)
  const out = backend.buffer(`out of ${label}`, rows, OUTS)
  const program = backend.record(label, (ops) => ops.project({ x, weight, out }))
  return { name: label, macs: rows * OUTS * COLS, run: () => backend.run(program, { rows }) }
}

/** The best of many short runs, taken by turns, in products a millisecond: what else the machine does hardly shows. */
function fastest(contestants: readonly Contestant[]): number[] {
  const best = contestants.map(() => 0)
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { macs, run }] of contestants.entries()) {
      const start = performance.now()
      run()
      best[i] = Math.max(best[i], macs / (performance.now() - start))
    }
  }
  return best
}

/**
 * Parts of the bare products' speed: four fifths of what is measured for many rows, three quarters of the least for one row,
 * where machines differ in how fast weights come.
 */
const FLOORS = [
  ['Q5_0', 64, 0.5],
  ['Q4_K', 64, 0.45],
  ['Q5_0', 1, 0.15],
  ['Q4_0', 1, 0.2],
  ['Q4_K', 1, 0.17],
  ['Q8_0', 1, 0.13],
] as const satisfies readonly (readonly [QuantType, number, number])[]

// An optimiser that reorders a kernel makes it two or three times slower and changes nothing else.
it('kernels multiply as fast as their products allow', async () => {
  await using backend = await cpu({ threads: 1 })
  const kernels: Contestant[] = []
  for (const [type, rows] of FLOORS) kernels.push(await product(backend, type, rows))
  const [pairs, quads, ...speeds] = fastest([...(await bareLoops()), ...kernels])
  const parts = speeds.map((speed) => speed / Math.max(pairs, quads))
  console.log(kernels.map(({ name }, i) => `${name}: ${parts[i].toFixed(2)}`).join('\n'))
  for (const [i, [type, rows, floor]] of FLOORS.entries()) {
    expect(parts[i], `${type}, rows ${rows}`).toBeGreaterThan(floor)
  }
})
