import type { Backend, Buffer, CacheView, Step, Weight } from '@g3/backend'
import { random, tensor } from '@g3/backend/test'

const WIDTH = 64
const FFN = 96
const HEAD = 32
const VOCABULARY = 3000
const MOST_ROWS = 16
const EPS = 1e-6

/** Layers of {@link smallModel}. */
export const LAYERS = 3

/** A model with random weights that runs as Gemma 3 does: a body, then a head that picks. */
export interface SmallModel {
  /** Runs a token at a position and enqueues its pick. */
  step(id: number, position: number): void
  /** Runs tokens from position 0 on. */
  prompt(ids: readonly number[]): void
  /** The last pick: its id, then its logit. */
  picked(): Promise<Float32Array>
}

export async function smallModel(backend: Backend): Promise<SmallModel> {
  const rng = random(7)
  const matrix = (name: string, rows: number, cols: number): Promise<Weight> =>
    backend.load(tensor(name, 'Q8_0', rows, cols, rng.normal(rows * cols, 1 / Math.sqrt(cols))))
  const norm = (name: string, cols: number): Promise<Weight> =>
    backend.load(tensor(name, 'F32', 1, cols, new Float32Array(cols).fill(1)))
  const buffer = (label: string, cols: number): Buffer => backend.buffer(label, MOST_ROWS, cols)
  const table = await matrix('table', VOCABULARY, WIDTH)
  const [widthNorm, headNorm] = [await norm('norm', WIDTH), await norm('head norm', HEAD)]
  const [qWeight, kWeight, vWeight] = [
    await matrix('q', 2 * HEAD, WIDTH),
    await matrix('k', HEAD, WIDTH),
    await matrix('v', HEAD, WIDTH),
  ]
  const [o, gate] = [await matrix('o', WIDTH, 2 * HEAD), await matrix('gate', FFN, WIDTH)]
  const [up, down] = [await matrix('up', FFN, WIDTH), await matrix('down', WIDTH, FFN)]
  const [x, h, y] = [buffer('x', WIDTH), buffer('h', WIDTH), buffer('y', WIDTH)]
  const [q, k, v] = [buffer('q', 2 * HEAD), buffer('k', HEAD), buffer('v', HEAD)]
  const [attended, gated] = [buffer('attended', 2 * HEAD), buffer('gated', FFN)]
  const picked = backend.buffer('picked', 1, 2)
  const cache = backend.cache({
    label: 'cache',
    layers: LAYERS,
    pages: 4,
    tableEntries: 4,
    kvHeads: 1,
    headDim: HEAD,
    type: 'f16',
  })
  const body = backend.record('body', (ops) => {
    ops.embed({ weight: table, scale: 8, out: x })
    ops.norm({ x, weight: widthNorm, eps: EPS, out: h })
    for (let layer = 0; layer < LAYERS; layer++) {
      ops.qkv({ x: h, q: { weight: qWeight, out: q }, k: { weight: kWeight, out: k }, v: { weight: vWeight, out: v } })
      const rope = { base: 10_000, scaling: 1 }
      ops.qkNormRope({ q, k, qNorm: headNorm, kNorm: headNorm, headDim: HEAD, eps: EPS, rope })
      ops.store({ k, v, cache, layer })
      ops.attend({ q, cache, layer, scale: 0.2, out: attended })
      ops.project({ x: attended, weight: o, out: y })
      ops.addNorm({ x, y, post: widthNorm, next: widthNorm, eps: EPS, out: h })
      ops.gatedUp({ x: h, gate, up, out: gated })
      ops.project({ x: gated, weight: down, out: y })
      ops.addNorm({ x, y, post: widthNorm, next: widthNorm, eps: EPS, out: h })
    }
  })
  const head = backend.record('head', (ops) =>
    ops.top({ x: h, weight: table, limit: VOCABULARY, count: 1, out: picked }),
  )

  const run = (ids: readonly number[], start: number): void => {
    const rows = ids.length
    const positions = Int32Array.from(ids, (_, r) => start + r)
    const step: Step = { rows, ids: Int32Array.from(ids), positions, views: [causal(positions)] }
    backend.run(body, step)
    backend.run(head, { rows: 1, from: rows - 1 })
  }
  return {
    step: (id, position) => run([id], position),
    prompt: (ids) => run(ids, 0),
    picked: () => backend.read(picked, 1),
  }
}

/** Every row sees itself and what is before it; position p lies in slot p. */
const causal = (positions: Int32Array): CacheView => ({
  slots: positions,
  spans: Int32Array.from({ length: 2 * positions.length }, (_, i) => (i % 2 === 0 ? 0 : positions[i >> 1] + 1)),
  tables: new Int32Array(positions.length),
  pages: Int32Array.of(0, 1, 2, 3),
  entries: 4,
})
