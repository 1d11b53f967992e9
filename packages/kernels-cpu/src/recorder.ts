import {
  type Buffer, check, checkedLoraOps, checkedTrainOps, checkedVisionOps, G3Error, type LoraOps, type Ops, ropeFrequencies, type Step, stepNeeds,
  type TrainOps, type VisionOps, type Weight,
} from '@g3/backend'
import { type CacheForm, MAX_HEAD_DIM } from './layout.js'
import type { CpuBuffer } from './buffers.js'
import type { CpuCache } from './caches.js'
import { loraRecorder } from './lora-recorder.js'
import { type Appender, FIRST_OF_TRAINING, OP } from './ops.js'
import { trainRecorder } from './train-recorder.js'
import { visionRecorder } from './vision-recorder.js'
import type { CpuMatrix, CpuWeight } from './weights.js'

/** What the recorder asks of the backend. */
export interface Resources {
  weight(weight: Weight): CpuWeight
  buffer(buffer: Buffer): CpuBuffer
  cache(cache: unknown): CpuCache
  newBuffer(label: string, rows: number, cols: number): CpuBuffer
  readonly threads: number
  /** In which all rows' keys and values are packed for each other. */
  readonly attendsAllIn: CacheForm
  /** What `top` is given beside a matrix, in its memory; 0: nothing. */
  screenOf(matrix: CpuMatrix): number
  /** f32 values in a memory, where they live as long as the backend: the same for the same key. */
  constants(memory: number, key: string, values: () => Float32Array): number
  /** A buffer that programs use by turns: the same for the same label and shape. */
  sharedBuffer(label: string, rows: number, cols: number): CpuBuffer
}

/** An op with the addresses of its operands, all in one memory. */
export interface RecordedOp {
  readonly code: number
  readonly memory: number
  readonly words: readonly number[]
  /** Buffers whose rows of the step it reads. */
  readonly reads: readonly CpuBuffer[]
  /** A buffer that it reads from the step's `from` on, where an earlier program may have written. */
  readonly window: CpuBuffer | undefined
  readonly writes: readonly CpuBuffer[]
}

export interface Recording {
  readonly ops: readonly RecordedOp[]
  /** Rows that all buffers hold. */
  readonly maxRows: number
  /** Whether rows meet in attention only. */
  readonly independentRows: boolean
}

export interface Recorder {
  readonly ops: Ops & VisionOps & LoraOps & TrainOps
  checkStep(step: Step): void
  finish(): Recording
}

/**
 * Ops that append themselves to a recording. An op runs in the memory of its matrices or of its cache, and otherwise where the op
 * before it ran; one whose matrices lie in two memories is recorded as its parts.
 */
export const recorder = (resources: Resources): Recorder => {
  const recorded: RecordedOp[] = []
  const float = new Float32Array(1)
  const floatBits = new Int32Array(float.buffer)
  const angleTables = new Map<string, CpuBuffer>()
  let maxRows = Infinity
  let independentRows = true

  const f32 = (value: number): number => {
    float[0] = value
    return floatBits[0]
  }
  const add: Appender['add'] = (code, memory, wordsOf) => {
    if (code >= FIRST_OF_TRAINING) independentRows = false
    const reads: CpuBuffer[] = []
    const writes: CpuBuffer[] = []
    let window: CpuBuffer | undefined
    const at = (buffer: CpuBuffer): readonly number[] => [buffer.addressIn(memory), buffer.strideBytes]
    const touch = (buffer: Buffer, ...lists: CpuBuffer[][]): readonly number[] => {
      const own = resources.buffer(buffer)
      for (const list of lists) list.push(own)
      maxRows = Math.min(maxRows, own.rows)
      return at(own)
    }
    const words = wordsOf({
      read: (buffer) => touch(buffer, reads),
      write: (buffer) => touch(buffer, writes),
      update: (buffer) => touch(buffer, reads, writes),
      writeFewer: (buffer) => {
        const own = resources.buffer(buffer)
        writes.push(own)
        return at(own)
      },
      readWindow: (buffer) => {
        window = resources.buffer(buffer)
        return at(window)
      },
      vector: (weight) => {
        const own = resources.weight(weight)
        check(own.kind === 'vector', 'backend/shape', `${own.name} is a matrix, this op needs a vector`)
        return own.addressIn(memory)
      },
    })
    recorded.push({ code, memory, words, reads, window, writes })
  }
  const here = (buffer: Buffer): number => recorded.at(-1)?.memory ?? resources.buffer(buffer).home ?? 0
  const matrix = (weight: Weight): CpuMatrix => {
    const own = resources.weight(weight)
    check(own.kind === 'matrix', 'backend/shape', `${own.name} is a vector, this op needs a matrix`)
    return own
  }
  const headsOf = (cols: number, headDim: number): number => {
    const fits = headDim % 8 === 0 && headDim <= MAX_HEAD_DIM
    check(fits, 'backend/shape', `heads of ${headDim}: these kernels take multiples of 8 up to ${MAX_HEAD_DIM}`)
    return cols / headDim
  }
  const angles = (q: Buffer, headDim: number, { base, scaling }: { base: number; scaling: number }): CpuBuffer => {
    const key = `${headDim} ${base} ${scaling}`
    const known = angleTables.get(key)
    if (known) return known
    const memory = here(q)
    const table = resources.sharedBuffer(`angles ${key}`, q.rows, headDim)
    const frequencies = resources.constants(memory, key, () => ropeFrequencies(headDim, base, scaling))
    add(OP.angles, memory, ({ write }) => [frequencies, ...write(table), headDim / 2])
    angleTables.set(key, table)
    return table
  }

  const ops: Ops = {
    embed({ weight, scale, out, ids }) {
      const { memory, address } = matrix(weight)
      add(OP.embed, memory, ({ read, write }) => [address, ...write(out), f32(scale), ...(ids ? read(ids) : [0, 0])])
    },
    norm({ x, weight, eps, out }) {
      add(OP.norm, here(x), ({ read, write, vector }) => [...read(x), vector(weight), ...write(out), x.cols, f32(eps)])
    },
    qkv({ x, q, k, v }) {
      const products = [q, k, v].map(({ weight, out }) => ({ ...matrix(weight), out }))
      const [{ memory }] = products
      if (products.every((product) => product.memory === memory)) {
        add(OP.qkv, memory, ({ read, write }) => [
          ...read(x),
          ...products.flatMap(({ address, out }) => [address, ...write(out)]),
        ])
      } else for (const { weight, out } of [q, k, v]) ops.project({ x, weight, out })
    },
    qkNormRope({ q, k, qNorm, kNorm, headDim, eps, rope }) {
      const heads = headsOf(q.cols, headDim)
      const table = angles(q, headDim, rope)
      add(OP.qkNormRope, here(q), ({ read, update, vector }) => [
        ...update(q), ...update(k), vector(qNorm), vector(kNorm), ...read(table), heads, headsOf(k.cols, headDim), headDim,
        f32(eps),
      ])
    },
    store({ k, v, cache, layer }) {
      const { place, index, spec, partBytes, form } = resources.cache(cache)
      const { memory, keys, values } = place(layer, here(k))
      add(OP.store, memory, ({ read }) => [
        ...read(k), ...read(v), keys, values, index, spec.kvHeads, spec.headDim, partBytes, form.code,
      ])
    },
    attend({ q, cache, layer, scale, out }) {
      const { place, index, spec, partBytes, form } = resources.cache(cache)
      const { memory, keys, values } = place(layer, here(q))
      add(OP.attend, memory, ({ read, write }) => [
        ...read(q), ...write(out), keys, values, index, headsOf(q.cols, spec.headDim), spec.kvHeads, spec.headDim, partBytes,
        f32(scale), form.code,
      ])
    },
    rerotate({ k, cache, layer, rope }) {
      const { place, index, spec, partBytes, form } = resources.cache(cache)
      const { memory, keys } = place(layer, here(k))
      const table = angles(k, spec.headDim, rope)
      add(OP.rerotate, memory, ({ read, update }) => [
        ...update(k), ...read(table), keys, index, spec.kvHeads, spec.headDim, partBytes, form.code,
      ])
    },
    project({ x, weight, out }) {
      const { memory, address } = matrix(weight)
      add(OP.project, memory, ({ read, write }) => [...read(x), address, ...write(out)])
    },
    addNorm({ x, y, post, next, eps, out }) {
      check(x !== y, 'backend/shape', 'addNorm reads y while it writes x: give it two buffers')
      add(OP.addNorm, here(y), ({ read, update, write, vector }) => [
        ...update(x), ...read(y), vector(post), vector(next), ...write(out), x.cols, f32(eps),
      ])
    },
    gatedUp({ x, gate, up, out }) {
      const [first, second] = [matrix(gate), matrix(up)]
      if (first.memory === second.memory) {
        add(OP.gatedUp, first.memory, ({ read, write }) => [...read(x), first.address, second.address, ...write(out)])
        return
      }
      const other = resources.newBuffer(`${out.label}, ${up.name}`, out.rows, out.cols)
      ops.project({ x, weight: gate, out })
      ops.project({ x, weight: up, out: other })
      add(OP.gate, second.memory, ({ read, update }) => [...update(out), ...read(other), out.cols])
    },
    logits({ x, weight, out }) {
      // Rows of x are the step's, from `from` on: not bound by what this program's other buffers hold.
      independentRows = false
      const { memory, address } = matrix(weight)
      add(OP.logits, memory, ({ readWindow, write }) => [...readWindow(x), address, ...write(out)])
    },
    top({ x, weight, limit, count, out }) {
      independentRows = false
      const own = matrix(weight)
      const { memory, address } = own
      // No step's rows: each thread's ranking of each row, which nobody else sees.
      const byThreads = resources.newBuffer(`${out.label} by threads`, resources.threads * out.rows, out.cols)
      const rankings = [byThreads.addressIn(memory), byThreads.strideBytes]
      add(OP.top, memory, ({ readWindow }) => [
        ...readWindow(x), address, ...rankings, limit, count, resources.screenOf(own),
      ])
      add(OP.mergeTops, memory, ({ write }) => [...rankings, ...write(out), count])
    },
    draw({ ranked, out }) {
      add(OP.draw, here(ranked), ({ read, write }) => [...read(ranked), ...write(out), ranked.cols / 2])
    },
  }
  const appender: Appender = { add, here, matrix, f32, sharedBuffer: resources.sharedBuffer }
  const needs = stepNeeds()
  const checked = checkedVisionOps({ ...ops, ...visionRecorder(appender, resources.attendsAllIn) }, needs)
  return {
    ops: {
      ...checked.ops,
      ...checkedLoraOps(loraRecorder(appender), needs),
      ...checkedTrainOps(trainRecorder({ ...appender, headsOf, angles }), needs),
    },
    checkStep: checked.checkStep,
    finish() {
      if (recorded.length === 0) throw new G3Error('backend/shape', 'a program needs at least one op')
      return { ops: recorded, maxRows, independentRows }
    },
  }
}
