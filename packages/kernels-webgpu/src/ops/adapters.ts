import type { LoraOps } from '@g3/backend'
import type { Dispatch } from '../program.js'
import { dispatch, params, read, write, type Kit } from './kit.js'

export function gate(kit: Kit, args: Parameters<LoraOps['gate']>[0]): readonly Dispatch[] {
  const [up, out] = [kit.buffer(args.up), kit.buffer(args.out)]
  const { cols } = out
  return [
    dispatch(
      kit,
      'gate.row',
      [write('out', 'f32', out.buffer), read('up', 'f32', up.buffer)],
      {},
      params([cols, out.stride, up.stride, 0]),
      { x: Math.ceil(cols / 64), rows: 1, work: 16 * cols },
      { parts: ['lib/gelu'] },
    ),
  ]
}
