import { type Buffer, check, PAGE, type VisionOps } from '@g3/backend'
import type { CpuBuffer } from './buffers.js'
import { type CacheForm, MAX_HEAD_DIM, roundUp } from './layout.js'
import { type Appender, OP } from './ops.js'

/** What becomes of a product with its bias, with the codes of `assembly/ops/linear.ts`. */
const END = { plain: 0, gelu: 1, add: 2 } as const

/** Keys and values of all rows of a step as `assembly/ops/attend-all.ts` packs them: a row is a page. */
interface Pages {
  readonly keys: CpuBuffer
  readonly values: CpuBuffer
}

/**
 * The ops of images. Keys and values are packed in `form`, into pages that ops of one shape use by turns: a thread may be at the next
 * attention's keys while others are still at this one's, but never two further.
 */
export const visionRecorder = ({ add, here, matrix, f32, newBuffer }: Appender, form: CacheForm): VisionOps => {
  const known = new Map<string, Pages>()
  let turn = 0
  const pagesFor = (rows: number, heads: number, headDim: number): Pages => {
    const key = `${turn++ % 2}: ${rows} x ${heads} x ${headDim}`
    const pages = known.get(key)
    if (pages) return pages
    const words = (PAGE * heads * form.vectorBytes(headDim)) / 4
    const part = (name: string): CpuBuffer => newBuffer(`${name} ${key}`, Math.ceil(rows / PAGE), words)
    const made = { keys: part('keys'), values: part('values') }
    known.set(key, made)
    return made
  }
  const inFours = ({ label, cols }: Buffer): void =>
    check(cols % 4 === 0, 'backend/shape', `${label}: ${cols} columns, not a multiple of 4`)
  const product = (end: number, { x, weight, bias, out }: Parameters<VisionOps['addLinear']>[0]): void => {
    const { memory, address } = matrix(weight)
    add(OP.linear, memory, ({ read, write, update, vector }) => [
      ...read(x),
      address,
      vector(bias),
      ...(end === END.add ? update(out) : write(out)),
      end,
    ])
  }

  return {
    patches({ side, patch, out }) {
      // Where the step's pixels are.
      add(OP.patches, 0, ({ write }) => [...write(out), side, patch])
    },
    layerNorm({ x, weight, bias, eps, out }) {
      inFours(x)
      add(OP.layerNorm, here(x), ({ read, write, vector }) => [
        ...read(x),
        vector(weight),
        vector(bias),
        ...write(out),
        x.cols,
        f32(eps),
      ])
    },
    linear: ({ gelu = false, ...args }) => product(gelu ? END.gelu : END.plain, args),
    addLinear: (args) => product(END.add, args),
    attendAll({ q, k, v, headDim, scale, out }) {
      const fits = headDim % 4 === 0 && headDim <= MAX_HEAD_DIM
      check(fits, 'backend/shape', `heads of ${headDim}: these kernels take multiples of 4 up to ${MAX_HEAD_DIM}`)
      const memory = here(q)
      const heads = q.cols / headDim
      const rows = Math.min(...[q, k, v, out].map((buffer) => buffer.rows))
      const { keys, values } = pagesFor(rows, heads, roundUp(headDim, 8))
      const packed = [keys.addressIn(memory), values.addressIn(memory), heads, headDim, keys.strideBytes, form.code]
      add(OP.storeAll, memory, ({ read }) => [...read(k), ...read(v), ...packed])
      add(OP.attendAll, memory, ({ read, write }) => [...read(q), ...write(out), ...packed, f32(scale)])
    },
    pool({ x, columns, size, out }) {
      inFours(x)
      add(OP.pool, here(x), ({ read, writeFewer }) => [...read(x), ...writeFewer(out), columns, size, x.cols])
    },
  }
}
