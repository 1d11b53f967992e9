import type { Backend, PackedTensor, QuantType, Weight } from '@g3/backend'
import { random, tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { cpu } from './cpu.js'

const COLS = 256
/** 24 MiB as F32: more than lies between file and memory at once. */
const ROWS = 24 * 1024

/** Row r holds r in its first column and r / 2 in its last. */
const numbered = (): Float32Array => {
  const values = new Float32Array(ROWS * COLS)
  for (let r = 0; r < ROWS; r++) {
    values[r * COLS] = r
    values[(r + 1) * COLS - 1] = r / 2
  }
  return values
}

/** The tensor with its reads counted, each waiting for `pause`. */
const watched = (inner: PackedTensor, pause: (read: number) => Promise<void>) => {
  const seen = { reads: 0, bytes: 0, mostBytes: 0 }
  const read: PackedTensor['read'] = async (offset, into, signal) => {
    seen.bytes += into.byteLength
    seen.mostBytes = Math.max(seen.mostBytes, seen.bytes)
    await pause(++seen.reads)
    await inner.read(offset, into, signal)
    seen.bytes -= into.byteLength
  }
  return { ...inner, read, seen }
}

const rowsOf = async (backend: Backend, weight: Weight, ids: readonly number[]): Promise<Float32Array> => {
  const out = backend.buffer('rows', ids.length, weight.cols)
  const program = backend.record('rows', (ops) => ops.embed({ weight, scale: 1, out }))
  backend.run(program, { rows: ids.length, ids: Int32Array.from(ids) })
  return backend.read(out, ids.length)
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

describe('loading', () => {
  const large = tensor('large', 'F32', ROWS, COLS, numbered())

  for (const [name, options] of [
    ['threads', { threads: 2 }],
    ['no shared memory', { limits: { shared: false } }],
  ] as const) {
    it(`streams, a few parts at once: ${name}`, async () => {
      await using backend = await cpu(options)
      const { seen, ...slow } = watched(large, turn)
      const weight = await backend.load(slow)
      expect(seen.reads).toBeGreaterThan(8)
      expect(seen.mostBytes).toBeGreaterThan(2 ** 22)
      expect(seen.mostBytes).toBeLessThanOrEqual(2 ** 23)
      const ids = [0, 1, 7, 2047, 2048, 2049, 8191, 8192, ROWS - 1]
      const rows = await rowsOf(backend, weight, ids)
      expect(ids.map((_, i) => rows[i * COLS])).toEqual(ids)
      expect(ids.map((_, i) => rows[(i + 1) * COLS - 1])).toEqual(ids.map((id) => id / 2))
    })

    it(`takes tensors at once: ${name}`, async () => {
      const types: QuantType[] = ['F32', 'Q4_0', 'Q8_0', 'BF16', 'Q6_K', 'F16', 'Q4_K', 'Q5_0']
      const tensors = types.map((type, i) => tensor(type, type, 300 + i, COLS, random(i).normal((300 + i) * COLS)))
      const rowsWhen = async (load: (backend: Backend) => Promise<Weight[]>): Promise<Float32Array[]> => {
        await using backend = await cpu(options)
        const found: Float32Array[] = []
        for (const weight of await load(backend)) found.push(await rowsOf(backend, weight, [0, 9, 299]))
        return found
      }
      const one = await rowsWhen(async (backend) => {
        const weights: Weight[] = []
        for (const each of tensors) weights.push(await backend.load(each))
        return weights
      })
      const all = await rowsWhen((backend) => Promise.all(tensors.map((each) => backend.load(watched(each, turn)))))
      expect(all).toEqual(one)
    })
  }

  it('ends with the first error, without reading the rest', async () => {
    await using backend = await cpu({ threads: 2 })
    const torn = new Error('the disk is gone')
    const { seen, ...failing } = watched(large, async (read) => {
      await turn()
      if (read === 2) throw torn
    })
    const [failed, good] = await Promise.allSettled([backend.load(failing), backend.load(tensor('good', 'F32', 2, 32, new Float32Array(64)))])
    expect(failed).toEqual({ status: 'rejected', reason: torn })
    expect(good.status).toBe('fulfilled')
    expect(seen.reads).toBeLessThanOrEqual(8)
  })

  it('ends with the reason of its signal', async () => {
    await using backend = await cpu({ threads: 2 })
    const controller = new AbortController()
    const reason = new Error('no longer wanted')
    const { seen, ...aborted } = watched(large, async (read) => {
      if (read === 3) controller.abort(reason)
      await turn()
    })
    await expect(backend.load(aborted, controller.signal)).rejects.toBe(reason)
    expect(seen.reads).toBeLessThanOrEqual(8)
    expect((await rowsOf(backend, await backend.load(large), [5]))[0]).toBe(5)
  })
})
