import type { Ops } from '@g3/backend'
import type { Dispatch } from '../program.js'
import { dispatch, params, read, write, type Kit } from './kit.js'

export function draw(kit: Kit, args: Parameters<Ops['draw']>[0]): readonly Dispatch[] {
  const [ranked, out] = [kit.buffer(args.ranked), kit.buffer(args.out)]
  return [
    dispatch(
      kit,
      'draw.row',
      [read('ranked', 'f32', ranked.buffer), write('out', 'f32', out.buffer)],
      {},
      params([ranked.stride, out.stride, ranked.cols / 2, 0]),
      { x: 1, rows: 1, work: ranked.cols },
    ),
  ]
}
