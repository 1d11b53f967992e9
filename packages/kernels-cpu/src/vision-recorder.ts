import { type Buffer, check, type VisionOps } from '@g3/backend'
import { type CacheForm, IMAGE_PAGE, imagePageBytes, MAX_HEAD_DIM } from './layout.js'
import { type Appender, OP } from './ops.js'

/** What becomes of a product with its bias, with the codes of `assembly/ops/linear.ts`. */
const END = { plain: 0, gelu: 1, add: 2 } as const

/**
 * The ops of images. Keys and values of all rows of a step are packed in `form`, into pages that all attentions of one shape share: threads
 * meet before they pack and before they read.
 */
export const visionRecorder = ({ add, here, matrix, f32, sharedBuffer }: Appender, form: CacheForm): VisionOps => {
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
      const words = (heads * imagePageBytes(form, headDim)) / 4
      const pages = sharedBuffer(`pages of heads of ${headDim}`, Math.ceil(rows / IMAGE_PAGE), words)
      const packed = [pages.addressIn(memory), pages.strideBytes, heads, headDim, form.code]
      add(OP.storeAll, memory, ({ read }) => [...read(k), ...read(v), ...packed])
      add(OP.attendAll, memory, ({ read, write }) => [...read(q), ...write(out), ...packed, f32(scale)])
    },
    pool({ x, columns, size, out }) {
      inFours(x)
      add(OP.pool, here(x), ({ read, writeFewer }) => [...read(x), ...writeFewer(out), columns, size, x.cols])
    },
  }
}
