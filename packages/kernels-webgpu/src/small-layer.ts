import { BLOCKS, type Backend, type Buffer, type CacheView, type PackedTensor, type Weight } from '@g3/backend'

const WIDTH = 256
const HEAD = 64
const VOCABULARY = 64
const EPS = 1e-6
/** Tokens that are far enough apart to keep their order when activations are rounded to 8 bits. */
const RANKED = 4
const PROMPT = Int32Array.of(3, 14, 15, 9, 26)

/**
 * A layer of random weights with all that surrounds it, run for five tokens and then for one.
 * @returns the hidden states of the five and of the one, the likeliest tokens, their logits
 */
export async function smallLayer(
  backend: Pick<Backend, 'load' | 'buffer' | 'cache' | 'record' | 'run' | 'read'>,
): Promise<readonly Float32Array[]> {
  const matrix = (name: string, rows: number, cols = WIDTH): Promise<Weight> => backend.load(tensor(name, rows, cols))
  const buffer = (label: string, cols: number): Buffer => backend.buffer(label, PROMPT.length, cols)
  const table = await matrix('table', VOCABULARY)
  const [norm, headNorm] = [await backend.load(ones(WIDTH)), await backend.load(ones(HEAD))]
  const [wq, wk, wv] = [await matrix('q', 4 * HEAD), await matrix('k', HEAD), await matrix('v', HEAD)]
  const [wo, gate] = [await matrix('o', WIDTH, 4 * HEAD), await matrix('gate', WIDTH)]
  const [up, down] = [await matrix('up', WIDTH), await matrix('down', WIDTH)]
  const [x, h, y, gated] = [buffer('x', WIDTH), buffer('h', WIDTH), buffer('y', WIDTH), buffer('gated', WIDTH)]
  const [q, k, v, attended] = [
    buffer('q', 4 * HEAD),
    buffer('k', HEAD),
    buffer('v', HEAD),
    buffer('attended', 4 * HEAD),
  ]
  const ranked = backend.buffer('ranked', 1, 2 * RANKED)
  const room = { label: 'self-check', layers: 1, pages: 1, tableEntries: 1 }
  const cache = backend.cache({ ...room, kvHeads: 1, headDim: HEAD, type: 'f32' })
  const body = backend.record('body', (ops) => {
    ops.embed({ weight: table, scale: 16, out: x })
    ops.norm({ x, weight: norm, eps: EPS, out: h })
    ops.qkv({ x: h, q: { weight: wq, out: q }, k: { weight: wk, out: k }, v: { weight: wv, out: v } })
    const rope = { base: 10_000, scaling: 1 }
    ops.qkNormRope({ q, k, qNorm: headNorm, kNorm: headNorm, headDim: HEAD, eps: EPS, rope })
    ops.store({ k, v, cache, layer: 0 })
    ops.attend({ q, cache, layer: 0, scale: 1 / Math.sqrt(HEAD), out: attended })
    ops.project({ x: attended, weight: wo, out: y })
    ops.addNorm({ x, y, post: norm, next: norm, eps: EPS, out: h })
    ops.gatedUp({ x: h, gate, up, out: gated })
    ops.project({ x: gated, weight: down, out: y })
    ops.addNorm({ x, y, post: norm, next: norm, eps: EPS, out: h })
  })
  const head = backend.record('head', (ops) =>
    ops.top({ x: h, weight: table, limit: VOCABULARY, count: RANKED, out: ranked }),
  )

  const run = async (ids: Int32Array, first: number): Promise<Float32Array> => {
    const positions = ids.map((_, row) => first + row)
    backend.run(body, { rows: ids.length, ids, positions, views: [causal(positions)] })
    return backend.read(h, ids.length)
  }
  const prompt = await run(PROMPT, 0)
  const next = await run(Int32Array.of(53), PROMPT.length)
  backend.run(head, { rows: 1, from: 0 })
  const best = await backend.read(ranked, 1)
  return [prompt, next, best.subarray(0, RANKED), best.subarray(RANKED)]
}

/** Q4_K: levels, two kinds of scales and mins. Bytes by a linear congruence, but for the two f16 of each block. */
function tensor(name: string, rows: number, cols: number): PackedTensor {
  const { blockWeights, blockBytes } = BLOCKS.Q4_K
  const packed = new Uint8Array((rows * cols * blockBytes) / blockWeights)
  let state = name.length * 7919 + (name.codePointAt(0) ?? 0)
  for (let i = 0; i < packed.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    packed[i] = state >>> 24
  }
  const view = new DataView(packed.buffer)
  for (let at = 0; at < packed.length; at += blockBytes) {
    view.setUint16(at, 0x0c00, true) // 2^-12
    view.setUint16(at + 2, 0x1800, true) // 2^-9
  }
  return inMemory(name, 'Q4_K', rows, cols, packed)
}

const ones = (cols: number): PackedTensor =>
  inMemory('ones', 'F32', 1, cols, new Uint8Array(new Float32Array(cols).fill(1).buffer))

const inMemory = (
  name: string,
  type: PackedTensor['type'],
  rows: number,
  cols: number,
  packed: Uint8Array,
): PackedTensor => ({
  name,
  type,
  rows,
  cols,
  async read(offset, into) {
    into.set(packed.subarray(offset, offset + into.byteLength))
  },
})

/** Every row sees itself and what is before it, in one page. */
const causal = (positions: Int32Array): CacheView => ({
  slots: positions,
  spans: Int32Array.from({ length: 2 * positions.length }, (_, i) => (i % 2 === 0 ? 0 : positions[i >> 1] + 1)),
  tables: new Int32Array(positions.length),
  pages: Int32Array.of(0),
  entries: 1,
})
