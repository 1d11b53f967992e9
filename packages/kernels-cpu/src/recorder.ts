import { type Buffer, check, type CheckedOps, checkedOps, G3Error, type Ops, ropeFrequencies, type Weight } from '@g3/backend'
import { CACHE_FORMS, MAX_HEAD_DIM } from './layout.js'
import type { CpuBuffer, CpuCache } from './buffers.js'
import type { CpuWeight } from './weights.js'

/** Op codes of `assembly/program.ts`. */
const OP = {
  end: 0, embed: 1, angles: 2, norm: 3, qkv: 4, qkNormRope: 5, store: 6, attend: 7, project: 8, addNorm: 9, gatedUp: 10,
  logits: 11, pick: 12,
} as const

/** What the recorder asks of the backend. */
export interface Resources {
  weight(weight: Weight): CpuWeight
  buffer(buffer: Buffer): CpuBuffer
  cache(cache: unknown): CpuCache
  newBuffer(label: string, rows: number, cols: number): CpuBuffer
  /** Copies f32 values into memory that lives as long as the backend. */
  constants(values: Float32Array): number
}

export interface Recorder {
  readonly checked: CheckedOps
  /** The program's words, and the rows that all its buffers hold. */
  finish(): { readonly words: Int32Array; readonly maxRows: number }
}

/** Ops that append themselves to a program: u32 code, u32 count, arguments. */
export const recorder = (resources: Resources): Recorder => {
  const words: number[] = []
  const float = new Float32Array(1)
  const floatBits = new Int32Array(float.buffer)
  const angleTables = new Map<string, CpuBuffer>()
  let maxRows = Infinity
  let independentRows = 1

  const f32 = (value: number): number => {
    float[0] = value
    return floatBits[0] ?? 0
  }
  const emit = (code: number, ...args: number[]): void => void words.push(code, args.length, ...args)
  const at = (buffer: Buffer): [number, number] => {
    const { address, strideBytes, rows } = resources.buffer(buffer)
    maxRows = Math.min(maxRows, rows)
    return [address, strideBytes]
  }
  const matrix = (weight: Weight): number => {
    const own = resources.weight(weight)
    check(!own.vector, 'backend/shape', `${own.name} is a vector, this op needs a matrix`)
    return own.address
  }
  const vector = (weight: Weight): number => resources.weight(weight).address
  const headsOf = (cols: number, headDim: number): number => {
    const fits = headDim % 8 === 0 && headDim <= MAX_HEAD_DIM
    check(fits, 'backend/shape', `heads of ${headDim}: these kernels take multiples of 8 up to ${MAX_HEAD_DIM}`)
    return cols / headDim
  }

  const ops: Ops = {
    embed({ weight, scale, out }) {
      emit(OP.embed, matrix(weight), ...at(out), f32(scale))
    },
    norm({ x, weight, eps, out }) {
      emit(OP.norm, ...at(x), vector(weight), ...at(out), x.cols, f32(eps))
    },
    qkv({ x, q, k, v }) {
      const products = [q, k, v].flatMap(({ weight, out }) => [matrix(weight), ...at(out)])
      emit(OP.qkv, ...at(x), ...products)
    },
    qkNormRope({ q, k, qNorm, kNorm, headDim, eps, rope }) {
      const key = `${headDim} ${rope.base} ${rope.scaling}`
      let table = angleTables.get(key)
      if (!table) {
        table = resources.newBuffer(`angles ${key}`, q.rows, headDim)
        angleTables.set(key, table)
        const constants = resources.constants(ropeFrequencies(headDim, rope.base, rope.scaling))
        emit(OP.angles, constants, ...at(table), headDim / 2)
      }
      emit(
        OP.qkNormRope, ...at(q), ...at(k), vector(qNorm), vector(kNorm), ...at(table),
        headsOf(q.cols, headDim), headsOf(k.cols, headDim), headDim, f32(eps),
      )
    },
    store({ k, v, cache, layer }) {
      const { keys, values, index, spec, storedSlots, form } = resources.cache(cache)
      emit(
        OP.store, ...at(k), ...at(v), keys(layer), values(layer), index, spec.kvHeads, spec.headDim, storedSlots,
        CACHE_FORMS[form].code,
      )
    },
    attend({ q, cache, layer, scale, out }) {
      const { keys, values, index, spec, storedSlots, form } = resources.cache(cache)
      emit(
        OP.attend, ...at(q), ...at(out), keys(layer), values(layer), index, headsOf(q.cols, spec.headDim), spec.kvHeads,
        spec.headDim, storedSlots, f32(scale), CACHE_FORMS[form].code,
      )
    },
    project({ x, weight, out }) {
      emit(OP.project, ...at(x), matrix(weight), ...at(out))
    },
    addNorm({ x, y, post, next, eps, out }) {
      check(x !== y, 'backend/shape', 'addNorm reads y while it writes x: give it two buffers')
      emit(
        OP.addNorm, ...at(x), ...at(y), vector(post), vector(next), ...at(out), x.cols,
        f32(eps),
      )
    },
    gatedUp({ x, gate, up, out }) {
      emit(OP.gatedUp, ...at(x), matrix(gate), matrix(up), ...at(out))
    },
    logits({ x, weight, out }) {
      // Rows of x are the step's, from `from` on: not bound by what this program's other buffers hold.
      independentRows = 0
      const source = resources.buffer(x)
      emit(OP.logits, source.address, source.strideBytes, matrix(weight), ...at(out))
    },
    pick({ logits, limit, out }) {
      emit(OP.pick, ...at(logits), ...at(out), limit)
    },
  }
  return {
    checked: checkedOps(ops),
    finish() {
      if (words.length === 0) throw new G3Error('backend/shape', 'a program needs at least one op')
      return { words: Int32Array.from([independentRows, ...words, OP.end, 0]), maxRows }
    },
  }
}
