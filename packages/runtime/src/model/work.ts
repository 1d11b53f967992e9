import type { Backend, Buffer } from '@g3/backend'
import type { Gemma3Config } from '../config.js'

/** Columns of every buffer that a step writes. */
export const workColumns = ({ width, ffn, heads, kvHeads, headDim }: Gemma3Config) => ({
  /** The residual stream. */
  x: width,
  /** x normed: what the next matrix reads, and after the last layer what the head reads. */
  h: width,
  q: heads * headDim,
  k: kvHeads * headDim,
  v: kvHeads * headDim,
  attended: heads * headDim,
  gated: ffn,
  /** What attention or the feed-forward layer adds to x. */
  y: width,
})

export type Work = Readonly<Record<keyof ReturnType<typeof workColumns>, Buffer>>

/** The buffers, allocated once. */
export function allocateWork(backend: Backend, config: Gemma3Config, maxRows: number): Work {
  const columns = workColumns(config)
  const buffer = (label: keyof Work): Buffer => backend.buffer(label, maxRows, columns[label])
  return {
    x: buffer('x'),
    h: buffer('h'),
    q: buffer('q'),
    k: buffer('k'),
    v: buffer('v'),
    attended: buffer('attended'),
    gated: buffer('gated'),
    y: buffer('y'),
  }
}
