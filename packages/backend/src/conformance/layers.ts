import { PAGE, type Backend, type Buffer, type CacheView, type Weight } from '../contract.js'
import type { QuantType } from '../quant.js'
import { closeInRow, compare, onBackend, sameBits, type Observation, type Scenario, type Suite } from './harness.js'
import { random, type Random } from './random.js'
import { tensor } from './tensor.js'
import { inOrder, viewOf } from './views.js'

const SIZE = {
  width: 256,
  ffn: 512,
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  vocabulary: 300,
  window: 16,
  pages: 2,
} as const
const EPS = 1e-6
/** Rows of each step. The last steps write into the page that the text began in, as a ring of two pages does. */
const STEPS = [100, 60, 90, 1, 1, 1, 1, 1, 1, 1, 1]
const MOST_ROWS = 100

/** A model of two layers with all ops in their real order: what a backend fuses or reorders shows here. */
export function layerPrograms(suite: Suite): void {
  const { describe, it, options } = suite
  describe('two layers, a prompt and single steps through a ring', () => {
    for (const type of suite.types) {
      it(`${type} weights`, () => compare(suite, 40, twoLayers(type), closeInRow(options.tolerances.layers), type))
    }
    it('the same bits twice', () => repeats(suite))
  })
}

function twoLayers(type: QuantType): Scenario {
  return async (backend, rng) => {
    const step = await model(backend, rng, type)
    const observed: Observation[] = []
    let position = 0
    for (const rows of STEPS) {
      const ids = Int32Array.from({ length: rows }, () => rng.below(SIZE.vocabulary))
      const values = await step(ids, position)
      position += rows
      observed.push({ what: `logits after ${position}`, cols: SIZE.vocabulary, values })
    }
    return observed
  }
}

async function repeats(suite: Suite): Promise<void> {
  const scenario = twoLayers('F32')
  const once = await onBackend(suite.make, (backend) => scenario(backend, random(41)))
  const again = await onBackend(suite.make, (backend) => scenario(backend, random(41)))
  for (const [index, { what, values }] of once.entries()) sameBits(what, values, again[index].values)
}

/** Builds the model; the result runs `ids` at positions from `start` on and gives the logits of the last row. */
async function model(
  backend: Backend,
  rng: Random,
  type: QuantType,
): Promise<(ids: Int32Array, start: number) => Promise<Float32Array>> {
  const { width, vocabulary, pages } = SIZE
  const weight = (name: string, rows: number, cols: number): Promise<Weight> =>
    backend.load(tensor(name, type, rows, cols, rng.normal(rows * cols, 1 / Math.sqrt(cols))))
  const vector = (name: string, cols: number): Promise<Weight> =>
    backend.load(
      tensor(
        name,
        'F32',
        1,
        cols,
        rng.normal(cols, 0.2).map((value) => 1 + value),
      ),
    )

  const table = await weight('table', vocabulary, width)
  const first = await vector('first norm', width)
  const layers: Layer[] = []
  for (let index = 0; index < 2; index++) layers.push(await layerWeights(weight, vector))

  const buffer = (label: string, cols: number): Buffer => backend.buffer(label, MOST_ROWS, cols)
  const x = buffer('x', width)
  const h = buffer('h', width)
  const work = layerBuffers(buffer)
  const logits = backend.buffer('logits', 1, vocabulary)
  const cache = backend.cache({
    label: 'ring',
    layers: 2,
    pages,
    tableEntries: 4,
    kvHeads: SIZE.kvHeads,
    headDim: SIZE.headDim,
    type: 'f32',
  })

  const body = backend.record('body', (ops) => {
    ops.embed({ weight: table, scale: Math.sqrt(width), out: x })
    ops.norm({ x, weight: first, eps: EPS, out: h })
    for (const [layer, weights] of layers.entries()) {
      const { q, k, v, attended, y, gated } = work
      const rope = layer === 0 ? { base: 10_000, scaling: 1 } : { base: 1_000_000, scaling: 8 }
      const { headDim } = SIZE
      ops.qkv({
        x: h,
        q: { weight: weights.q, out: q },
        k: { weight: weights.k, out: k },
        v: { weight: weights.v, out: v },
      })
      ops.qkNormRope({ q, k, qNorm: weights.qNorm, kNorm: weights.kNorm, headDim, eps: EPS, rope })
      ops.store({ k, v, cache, layer })
      ops.attend({ q, cache, layer, scale: 1 / Math.sqrt(headDim), out: attended })
      ops.project({ x: attended, weight: weights.o, out: y })
      ops.addNorm({ x, y, post: weights.postAttention, next: weights.beforeFfn, eps: EPS, out: h })
      ops.gatedUp({ x: h, gate: weights.gate, up: weights.up, out: gated })
      ops.project({ x: gated, weight: weights.down, out: y })
      ops.addNorm({ x, y, post: weights.postFfn, next: weights.next, eps: EPS, out: h })
    }
  })
  const head = backend.record('head', (ops) => ops.logits({ x: h, weight: table, out: logits }))

  return async (ids, start) => {
    const rows = ids.length
    const positions = Int32Array.from({ length: rows }, (_, r) => start + r)
    backend.run(body, { rows, ids, positions, views: [ringView(positions)] })
    backend.run(head, { rows: 1, from: rows - 1 })
    return backend.read(logits, 1)
  }
}

type Layer = Awaited<ReturnType<typeof layerWeights>>

async function layerWeights(
  weight: (name: string, rows: number, cols: number) => Promise<Weight>,
  vector: (name: string, cols: number) => Promise<Weight>,
) {
  const { width, ffn, heads, kvHeads, headDim } = SIZE
  return {
    q: await weight('q', heads * headDim, width),
    k: await weight('k', kvHeads * headDim, width),
    v: await weight('v', kvHeads * headDim, width),
    o: await weight('o', width, heads * headDim),
    gate: await weight('gate', ffn, width),
    up: await weight('up', ffn, width),
    down: await weight('down', width, ffn),
    qNorm: await vector('q norm', headDim),
    kNorm: await vector('k norm', headDim),
    postAttention: await vector('post attention', width),
    beforeFfn: await vector('before ffn', width),
    postFfn: await vector('post ffn', width),
    next: await vector('next', width),
  }
}

const layerBuffers = (buffer: (label: string, cols: number) => Buffer) => ({
  q: buffer('q', SIZE.heads * SIZE.headDim),
  k: buffer('k', SIZE.kvHeads * SIZE.headDim),
  v: buffer('v', SIZE.kvHeads * SIZE.headDim),
  attended: buffer('attended', SIZE.heads * SIZE.headDim),
  y: buffer('y', SIZE.width),
  gated: buffer('gated', SIZE.ffn),
})

/** A row sees (position − window, position]; the pages of a text take turns. */
function ringView(positions: Int32Array): CacheView {
  const { pages, window } = SIZE
  const table = inOrder(Math.floor((positions[positions.length - 1] ?? 0) / PAGE) + 1).map((entry) => entry % pages)
  const spans = Array.from(positions, (position) => [Math.max(0, position - window + 1), position + 1] as const)
  return viewOf({ table, positions, spans })
}
