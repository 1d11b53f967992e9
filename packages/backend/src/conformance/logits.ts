import type { Backend } from '../contract.js'
import { CHANGE, editLogits, hasLogitOps, type LogitBackend, type LogitEdits } from '../logit-ops.js'
import { reference } from '../reference.js'
import { closeInRow, fails, input, onBackend, sameBits, verify, type TestRunner, type Tolerances } from './harness.js'
import { random, type Random } from './random.js'

const ROWS = 5
const IDS = 2112
const MOST = 40
const LIMIT = 2100

interface LogitSuite extends TestRunner {
  readonly make: () => Promise<Backend>
  readonly tolerances: Tolerances
}

/** edit, rank, logSum: edits to the bit, and what is ranked of them. */
export function logitOps({ describe, it, make, tolerances }: LogitSuite): void {
  const on = <T>(body: (backend: LogitBackend) => Promise<T>): Promise<T> =>
    onBackend(make, (own) => body(logitsOf(own)))

  describe('edit, rank and logSum', () => {
    for (const masked of [false, true]) {
      it(masked ? 'bits that forbid ids' : 'changes alone', async () => {
        const edits = editsOf(random(70), masked)
        for (const rows of [ROWS, 1]) {
          const { logits, ranked } = await on((backend) => edited(backend, rows, edits))
          const want = values().subarray(0, rows * IDS)
          for (let r = 0; r < rows; r++) editLogits(want.subarray(r * IDS, (r + 1) * IDS), edits, r, MOST)
          sameBits('logits', logits, want)
          const expected = await onBackend(
            async () => reference(),
            (backend) => edited(backend, rows, edits),
          )
          sameBits('ranking', ranked, expected.ranked)
        }
      })
    }
    it('the logarithm of a sum, of what is below the limit', async () => {
      for (const scale of [1, 30, 1000]) {
        const want = await onBackend(
          async () => reference(),
          (backend) => sums(backend, scale),
        )
        closeInRow(tolerances.product)(`sums of ${scale}`, await on((backend) => sums(backend, scale)), want, 1)
      }
    })
    it('refuses shapes and steps that do not fit', () => on(refusals))
  })
}

function logitsOf(backend: Backend): LogitBackend {
  verify(hasLogitOps(backend), 'the backend has no ops of logits')
  return backend
}

const values = (): Float32Array => random(71).normal(ROWS * IDS, 3)

function editsOf(rng: Random, masked: boolean): LogitEdits {
  const counts = Int32Array.from({ length: ROWS }, (_, r) => [MOST, 0, 1, 17, 33][r])
  const ids = new Int32Array(ROWS * MOST)
  for (let r = 0; r < ROWS; r++) {
    const all = rng.shuffle(Array.from({ length: IDS }, (_, id) => id))
    for (let n = 0; n < MOST; n++) ids[r * MOST + n] = all[n]
  }
  const changes = Float32Array.from(
    { length: CHANGE * ROWS * MOST },
    (_, i) => [rng.uniform() - 0.5, 1 / 1.3, 1.3, rng.uniform() - 0.7][i % CHANGE],
  )
  if (!masked) return { counts, ids, changes }
  const words = IDS / 32
  const allowed = Uint32Array.from({ length: ROWS * words }, (_, i) => [0, 0xffffffff, rng.below(2 ** 32)][i % 3])
  return { allowed, counts, ids, changes }
}

async function edited(backend: LogitBackend, rows: number, edits: LogitEdits) {
  const { buffer, fill } = await input(backend, 'logits', ROWS, IDS, values())
  const out = backend.buffer('ranked', ROWS, 128)
  const program = backend.record('edit', (ops) => {
    ops.edit({ logits: buffer, most: MOST })
    ops.rank({ logits: buffer, limit: LIMIT, count: 64, out })
  })
  // Twice, so that the second edits begin where the first did.
  for (let time = 0; time < 2; time++) {
    fill()
    backend.run(program, { rows, edits })
  }
  return { logits: await backend.read(buffer, rows), ranked: await backend.read(out, rows) }
}

async function sums(backend: LogitBackend, scale: number): Promise<Float32Array> {
  const logits = random(72).normal(ROWS * IDS, scale)
  logits.fill(-Infinity, IDS, IDS + 2000)
  logits.fill(1e6, LIMIT, IDS)
  const { buffer, fill } = await input(backend, 'logits', ROWS, IDS, logits)
  const out = backend.buffer('sum', ROWS, 1)
  const program = backend.record('sum', (ops) => ops.logSum({ logits: buffer, limit: LIMIT, out }))
  fill()
  backend.run(program, { rows: ROWS })
  return backend.read(out, ROWS)
}

async function refusals(backend: LogitBackend): Promise<void> {
  const [logits, one, ranked] = [backend.buffer('l', 2, 64), backend.buffer('o', 2, 1), backend.buffer('r', 2, 8)]
  for (const [what, build] of [
    ['no room for edits', { most: 0 }],
    ['half an edit', { most: 1.5 }],
  ] as const) {
    await fails('backend/shape', what, () => backend.record('edit', (ops) => ops.edit({ logits, ...build })))
  }
  await fails('backend/shape', 'a limit past the ids', () =>
    backend.record('rank', (ops) => ops.rank({ logits, limit: 65, count: 4, out: ranked })),
  )
  await fails('backend/shape', 'another count than out holds', () =>
    backend.record('rank', (ops) => ops.rank({ logits, limit: 64, count: 3, out: ranked })),
  )
  await fails('backend/shape', 'two sums of a row', () =>
    backend.record('sum', (ops) => ops.logSum({ logits, limit: 64, out: ranked })),
  )
  const program = backend.record('edit', (ops) => ops.edit({ logits, most: 2 }))
  const good = { counts: Int32Array.of(1, 2), ids: Int32Array.of(5, 0, 6, 7), changes: new Float32Array(16) }
  for (const [what, wrong] of [
    ['no edits', undefined],
    ['more than there is room for', { ...good, counts: Int32Array.of(1, 3) }],
    ['an id that is none', { ...good, ids: Int32Array.of(64, 0, 0, 0) }],
    ['too few bits', { ...good, allowed: new Uint32Array(3) }],
    ['too few changes', { ...good, changes: new Float32Array(15) }],
  ] as const) {
    await fails('backend/step', what, async () => {
      backend.run(program, { rows: 2, ...(wrong && { edits: wrong }) })
      await backend.read(one, 1)
    })
  }
}
