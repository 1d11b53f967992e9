import type { Backend } from '../contract.js'
import { input, onBackend, runOnce, verify, type Suite } from './harness.js'
import { tensor } from './tensor.js'

const VOCABULARY = 513
const COLS = 32

/** pick: index of the largest logit, the lowest on ties. Exact, so it is checked against plain expectations. */
export function pickOp({ describe, it, make }: Suite): void {
  const cases: readonly (readonly [name: string, limit: number, want: number, logitOf: (id: number) => number])[] = [
    ['the largest', VOCABULARY, 300, (id) => -Math.abs(id - 300)],
    ['the first', VOCABULARY, 0, (id) => -id],
    ['the last', VOCABULARY, 512, (id) => id],
    ['the lowest of equals', VOCABULARY, 7, (id) => (id === 7 || id === 9 || id === 511 ? 5 : 1)],
    ['0 when all are equal', VOCABULARY, 0, () => -3],
    ['among negative ones', VOCABULARY, 130, (id) => (id === 130 ? -1 : -2)],
    ['below the limit only', 512, 100, (id) => (id === 512 ? 9 : id === 100 ? 2 : 1)],
    ['the only one below limit 1', 1, 0, (id) => id],
    ['across a limit that is no multiple of 4', 257, 256, (id) => (id < 257 ? id : 1000)],
  ]
  describe('pick', () => {
    for (const [name, limit, want, logitOf] of cases) {
      it(name, () => onBackend(make, async (backend) => verifyPicks(backend, limit, want, logitOf)))
    }
  })
}

/** Row r's logits are those of the case times r + 1, so every row has the same answer from different values. */
async function verifyPicks(
  backend: Backend,
  limit: number,
  want: number,
  logitOf: (id: number) => number,
): Promise<void> {
  const rows = 5
  const units = Float32Array.from({ length: rows * COLS }, (_, i) => (i % COLS === 0 ? Math.floor(i / COLS) + 1 : 0))
  const x = await input(backend, 'x', rows, COLS, units)
  const table = Float32Array.from({ length: VOCABULARY * COLS }, (_, i) => (i % COLS === 0 ? logitOf(i / COLS) : 0))
  const weight = await backend.load(tensor('table', 'F32', VOCABULARY, COLS, table))
  const logits = backend.buffer('logits', rows, VOCABULARY)
  const out = backend.buffer('picked', rows, 1)
  for (const count of [1, 2, 5]) {
    x.fill()
    runOnce(backend, { rows: count }, (ops) => {
      ops.logits({ x: x.buffer, weight, out: logits })
      ops.pick({ logits, limit, out })
    })
    const picked = await backend.read(out, count)
    verify(
      picked.every((id) => id === want),
      `${count} rows: picked ${picked.join(', ')} instead of ${want}`,
    )
  }
}
