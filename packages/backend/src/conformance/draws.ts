import { MOST_RANKED, type Backend } from '../contract.js'
import { DRAW_WORDS, packDraw, type DrawRule } from '../draw.js'
import { reference } from '../reference.js'
import { fails, input, onBackend, sameBits, verify, type Suite } from './harness.js'
import { random } from './random.js'
import { tensor } from './tensor.js'

const ROWS = 40

const RULES: readonly (readonly [string, DrawRule])[] = [
  ['temperature alone', { temperature: 0.7, topK: MOST_RANKED, topP: 1, minP: 0 }],
  ['the largest', { temperature: 0, topK: MOST_RANKED, topP: 1, minP: 0 }],
  ['top-k', { temperature: 1, topK: 5, topP: 1, minP: 0 }],
  ['top-p', { temperature: 1.3, topK: MOST_RANKED, topP: 0.8, minP: 0 }],
  ['min-p', { temperature: 2, topK: MOST_RANKED, topP: 1, minP: 0.1 }],
  ['all of them', { temperature: 0.9, topK: 40, topP: 0.95, minP: 0.02 }],
  ['so cold that one is left', { temperature: 1e-30, topK: MOST_RANKED, topP: 1, minP: 0 }],
  ['so hot that all are alike', { temperature: 1e30, topK: MOST_RANKED, topP: 1, minP: 0 }],
]

/** draw: the very ids that the reference draws, and embed of ids that a backend drew. */
export function drawOp({ describe, it, make }: Suite): void {
  describe('draw', () => {
    for (const [name, rule] of RULES) {
      it(name, async () => {
        const want = await onBackend(
          async () => reference(),
          (backend) => drawn(backend, rule),
        )
        const got = await onBackend(make, (backend) => drawn(backend, rule))
        sameBits('ids', got, want)
        const isAlways = rule.temperature === 0 || rule.temperature < 1e-20
        verify(isAlways || new Set(want).size > 3, 'the draws are all alike')
      })
    }
    it('embeds what was drawn', () => onBackend(make, embedsDrawn))
    it('reads what was there when it was asked for', () => onBackend(make, readsInTurn))
    it('refuses buffers and steps that do not fit', () => onBackend(make, refusals))
  })
}

/** Ids and logits as `top` leaves them: falling, some equal, some rows not full, one empty. */
function rankings(count: number): Float32Array {
  const rng = random(60)
  const rows = Array.from({ length: ROWS }, (_, r) => {
    const logits = Float32Array.from(rng.normal(count, r % 4 === 0 ? 0.1 : 4), (value) => Math.round(value * 64) / 64)
    logits.sort().reverse()
    const size = r === 7 ? 0 : r % 5 === 3 ? 1 + rng.below(count) : count
    return [
      ...Array.from(logits, (_, n) => (n < size ? 1000 * r + 7 * n : -1)),
      ...Array.from(logits, (value, n) => (n < size ? value : -Infinity)),
    ]
  })
  return Float32Array.from(rows.flat())
}

/** Several draws of every row. */
async function drawn(backend: Backend, rule: DrawRule): Promise<Float32Array> {
  const rng = random(61)
  const ranked = await input(backend, 'ranked', ROWS, 2 * MOST_RANKED, rankings(MOST_RANKED))
  const out = backend.buffer('out', ROWS, 1)
  const program = backend.record('draw', (ops) => ops.draw({ ranked: ranked.buffer, out }))
  ranked.fill()
  const draws = new Int32Array(DRAW_WORDS * ROWS)
  const ids: number[] = []
  for (const rows of [ROWS, 1, ROWS, 3]) {
    for (let r = 0; r < rows; r++) packDraw(rule, rng.below(2 ** 32), draws, r)
    backend.run(program, { rows, draws })
    ids.push(...(await backend.read(out, rows)))
  }
  return Float32Array.from(ids)
}

async function embedsDrawn(backend: Backend): Promise<void> {
  const [vocabulary, cols, rows] = [50, 64, 5]
  const values = Float32Array.from({ length: vocabulary * cols }, (_, i) => Math.floor(i / cols) + (i % cols) / cols)
  const weight = await backend.load(tensor('table', 'F32', vocabulary, cols, values))
  // Each row ranks one id; one row none.
  const ranked = Float32Array.from({ length: rows * 32 }, (_, i) => {
    const [row, n] = [i >> 5, i & 31]
    return n === 0 && row !== 3 ? 9 * row : n < 16 ? -1 : n === 16 ? 3 : -Infinity
  })
  const from = await input(backend, 'ranked', rows, 32, ranked)
  const [ids, out] = [backend.buffer('ids', rows, 1), backend.buffer('out', rows, cols)]
  const program = backend.record('next', (ops) => {
    ops.draw({ ranked: from.buffer, out: ids })
    ops.embed({ weight, scale: 2, out, ids })
  })
  from.fill()
  const rule: DrawRule = { temperature: 1, topK: 2, topP: 1, minP: 0 }
  const draws = new Int32Array(DRAW_WORDS * rows)
  for (let r = 0; r < rows; r++) packDraw(rule, 12345 * r, draws, r)
  backend.run(program, { rows, draws })
  const got = await backend.read(out, rows)
  const want = Float32Array.from({ length: rows * cols }, (_, i) => {
    const row = Math.floor(i / cols)
    return 2 * ((row === 3 ? 0 : 9 * row) + (i % cols) / cols)
  })
  sameBits('rows', got, want)
}

/** Where the backend runs ahead: a read that is not awaited before the next run. */
async function readsInTurn(backend: Backend): Promise<void> {
  if (!backend.caps.runsAhead) return
  const rows = Float32Array.from({ length: 4 * 32 }, (_, i) => i >> 5)
  const { buffer, fill } = await input(backend, 'x', 4, 32, rows)
  const reads: Promise<Float32Array>[] = []
  for (const id of [3, 1, 2]) {
    fill(Int32Array.of(id))
    reads.push(backend.read(buffer, 1))
  }
  const firsts = (await Promise.all(reads)).map(([value]) => value)
  verify(firsts.join() === '3,1,2', `read ${firsts.join()} instead of 3,1,2`)
}

async function refusals(backend: Backend): Promise<void> {
  const [ranked, out, wide] = [backend.buffer('r', 2, 8), backend.buffer('o', 2, 1), backend.buffer('w', 2, 130)]
  for (const [what, wrong] of [
    ['two numbers for an id', { out: ranked }],
    ['more than can be ranked', { ranked: wide }],
    ['half a ranking', { ranked: out }],
  ] as const) {
    await fails('backend/shape', what, () => backend.record('draw', (ops) => ops.draw({ ranked, out, ...wrong })))
  }
  const program = backend.record('draw', (ops) => ops.draw({ ranked, out }))
  await fails('backend/step', 'no draws', async () => {
    backend.run(program, { rows: 1 })
    await backend.read(out, 1)
  })
}
