import type { Ops } from '@g3/backend'
import { strideOf, type GpuBuffer } from '../buffers.js'
import type { Dispatch } from '../program.js'
import { dispatch, params, read, write, type Kit } from './kit.js'
import { logitsInto } from './products.js'

/** Candidates that a workgroup ranks. */
const RANKED = 1024

export function top(kit: Kit, one: boolean, args: Parameters<Ops['top']>[0]): readonly Dispatch[] {
  const [x, weight, out] = [kit.buffer(args.x), kit.weight(args.weight), kit.buffer(args.out)]
  const stride = strideOf(weight.rows)
  const logits: GpuBuffer = {
    label: 'logits of top',
    rows: out.rows,
    cols: weight.rows,
    stride,
    buffer: kit.scratch('logits of top', out.rows * stride * 4),
  }
  return [...logitsInto(kit, one, x, weight, logits), ...rankInto(kit, logits, args.limit, args.count, out)]
}

/** Passes that leave the best of each 1024 candidates until one workgroup has them all. */
export function rankInto(
  kit: Kit,
  logits: GpuBuffer,
  limit: number,
  count: number,
  out: GpuBuffer,
): readonly Dispatch[] {
  const passes: Dispatch[] = []
  let source = { buffer: logits.buffer, count: limit, stride: logits.stride }
  for (let first = true, last = false; !last; first = false) {
    const groups = Math.ceil(source.count / RANKED)
    last = groups === 1
    const left = groups * count
    const target = last
      ? { buffer: out.buffer, count, stride: out.stride }
      : { buffer: kit.scratch(`candidates ${passes.length % 2}`, out.rows * left * 8), count: left, stride: 2 * left }
    passes.push(
      dispatch(
        kit,
        count === 1 ? 'top.best' : 'top.sort',
        [read('source', 'u32', source.buffer), write('out', 'u32', target.buffer)],
        { COUNT: count, FIRST: first, LAST: last },
        params([source.count, source.stride, target.stride, 0]),
        { x: groups, rows: 1, work: source.count },
        { parts: ['lib/candidate'] },
      ),
    )
    source = target
  }
  return passes
}
