import { PAGE, type Backend, type Buffer, type CacheView, type QuantType, type Weight } from '@g3/backend'
import { random, tensor, viewOf } from '@g3/backend/test'

const WIDTH = 64
const FFN = 96
const HEAD = 32
const VOCABULARY = 200
/** More than 2 MiB a layer. */
const PAGES = 128
const MOST_ROWS = 80
const EPS = 1e-6

/** A model of two layers with random weights, the same for each backend. */
export interface SmallModel {
  /** Runs `ids` from position `start` on; returns the logits of the last two. */
  step(ids: readonly number[], start: number): Promise<Float32Array>
  /** The five largest of those logits, as `top` gives them. */
  ranked(): Promise<Float32Array>
  /** The hidden states of the last step's rows. */
  hidden(rows: number): Promise<Float32Array>
}

export async function smallModel(backend: Backend, type: QuantType = 'Q4_0'): Promise<SmallModel> {
  const rng = random(7)
  const matrix = (name: string, rows: number, cols: number): Promise<Weight> =>
    backend.load(tensor(name, type, rows, cols, rng.normal(rows * cols, 1 / Math.sqrt(cols))))
  const norm = (name: string, cols: number): Promise<Weight> =>
    backend.load(tensor(name, 'F32', 1, cols, rng.normal(cols, 0.2).map((value) => 1 + value)))
  const buffer = (label: string, cols: number): Buffer => backend.buffer(label, MOST_ROWS, cols)

  const table = await matrix('table', VOCABULARY, WIDTH)
  const layer = async (name: string) => ({
    norm: await norm(`${name} norm`, WIDTH),
    q: await matrix(`${name} q`, 2 * HEAD, WIDTH),
    k: await matrix(`${name} k`, HEAD, WIDTH),
    v: await matrix(`${name} v`, HEAD, WIDTH),
    headNorm: await norm(`${name} head norm`, HEAD),
    o: await matrix(`${name} o`, WIDTH, 2 * HEAD),
    gate: await matrix(`${name} gate`, FFN, WIDTH),
    up: await matrix(`${name} up`, FFN, WIDTH),
    down: await matrix(`${name} down`, WIDTH, FFN),
  })
  const layers = [await layer('first'), await layer('second')]
  const [x, h, y] = [buffer('x', WIDTH), buffer('h', WIDTH), buffer('y', WIDTH)]
  const [q, attended] = [buffer('q', 2 * HEAD), buffer('attended', 2 * HEAD)]
  const [k, v] = [buffer('k', HEAD), buffer('v', HEAD)]
  const gated = buffer('gated', FFN)
  const logits = backend.buffer('logits', 2, VOCABULARY)
  const cache = backend.cache({
    label: 'all', layers: 2, pages: PAGES, tableEntries: PAGES, kvHeads: 1, headDim: HEAD, type: 'f16',
  })

  const body = backend.record('body', (ops) => {
    ops.embed({ weight: table, scale: 8, out: x })
    ops.norm({ x, weight: layers[0].norm, eps: EPS, out: h })
    for (const [index, w] of layers.entries()) {
      ops.qkv({ x: h, q: { weight: w.q, out: q }, k: { weight: w.k, out: k }, v: { weight: w.v, out: v } })
      const rope = { base: 10_000, scaling: 1 }
      ops.qkNormRope({ q, k, qNorm: w.headNorm, kNorm: w.headNorm, headDim: HEAD, eps: EPS, rope })
      ops.store({ k, v, cache, layer: index })
      ops.attend({ q, cache, layer: index, scale: 0.2, out: attended })
      ops.project({ x: attended, weight: w.o, out: y })
      ops.addNorm({ x, y, post: w.norm, next: w.norm, eps: EPS, out: h })
      ops.gatedUp({ x: h, gate: w.gate, up: w.up, out: gated })
      ops.project({ x: gated, weight: w.down, out: y })
      ops.addNorm({ x, y, post: w.norm, next: layers[(index + 1) % 2].norm, eps: EPS, out: h })
    }
  })
  const ranked = backend.buffer('ranked', 2, 10)
  const head = backend.record('head', (ops) => {
    ops.logits({ x: h, weight: table, out: logits })
    ops.top({ x: h, weight: table, limit: VOCABULARY, count: 5, out: ranked })
  })

  return {
    async step(ids, start) {
      const rows = ids.length
      const positions = Int32Array.from(ids, (_, r) => start + r)
      backend.run(body, { rows, ids: Int32Array.from(ids), positions, views: [causal(positions)] })
      const count = Math.min(rows, 2)
      backend.run(head, { rows: count, from: rows - count })
      return backend.read(logits, count)
    },
    ranked: () => backend.read(ranked, 2),
    hidden: (rows) => backend.read(h, rows),
  }
}

const causal = (positions: Int32Array): CacheView =>
  viewOf({
    table: Array.from({ length: Math.ceil((positions[positions.length - 1] + 1) / PAGE) }, (_, page) => page),
    positions,
    spans: Array.from(positions, (position) => [0, position + 1] as const),
  })
