import { CHANGE, editSizes, type LogitEdits, type LogitOps } from '@g3/backend'
import type { Dispatch } from '../program.js'
import { dispatch, params, read, write, type Kit } from './kit.js'
import { rankInto } from './top.js'

/** Numbers of a row's logits that a workgroup sums. */
const SUMMED = 1024

/** Room in which a program's edits lie: whether any bits count, then counts, bits, ids and changes of every row. */
export interface EditRoom {
  readonly buffer: GPUBuffer
  readonly rows: number
  readonly ids: number
  readonly most: number
}

/** Where the parts lie, in words. */
function placesOf({ rows, ids, most }: Omit<EditRoom, 'buffer'>) {
  const sizes = editSizes(rows, ids, most)
  const bits = 1 + rows
  const first = bits + sizes.allowed
  return { bits, ids: first, changes: first + sizes.ids, end: first + sizes.ids + sizes.changes }
}

/** What a program's edits are read from. */
export function editRoom(kit: Kit, { logits, most }: Parameters<LogitOps['edit']>[0]): EditRoom {
  const { rows, cols: ids, label } = kit.buffer(logits)
  const bytes = 4 * placesOf({ rows, ids, most }).end
  return { buffer: kit.scratch(`edits of ${label}`, bytes), rows, ids, most }
}

export function edit(kit: Kit, args: Parameters<LogitOps['edit']>[0]): readonly Dispatch[] {
  const { buffer, stride, cols } = kit.buffer(args.logits)
  const room = editRoom(kit, args)
  const places = placesOf(room)
  const words = Math.ceil(cols / 32)
  const operands = [write('logits', 'u32', buffer), read('edits', 'u32', room.buffer)]
  return [
    dispatch(kit, 'edit.change', operands, {}, params([stride, args.most, places.ids, places.changes]), {
      x: Math.ceil(args.most / 64),
      rows: 1,
      work: args.most,
    }),
    dispatch(kit, 'edit.allow', operands, {}, params([cols, stride, places.bits, words]), {
      x: Math.ceil(words / 64),
      rows: 1,
      work: cols,
    }),
  ]
}

/** The words of a step's edits, and where each part goes: what is not there, or behind the last edit, is not written. */
export function editParts(
  { allowed, counts, ids, changes }: LogitEdits,
  rows: number,
  room: EditRoom,
): readonly (readonly [at: number, words: Words])[] {
  const places = placesOf(room)
  const bits = editSizes(rows, room.ids, room.most).allowed
  let used = 0
  for (let r = 0; r < rows; r++) if (counts[r] > 0) used = r * room.most + counts[r]
  const parts: (readonly [number, Words])[] = [[0, Int32Array.of(allowed ? 1 : 0, ...counts.subarray(0, rows))]]
  if (allowed) parts.push([places.bits, new Uint32Array(allowed.subarray(0, bits))])
  if (used > 0) {
    parts.push([places.ids, new Int32Array(ids.subarray(0, used))])
    parts.push([places.changes, new Float32Array(changes.subarray(0, CHANGE * used))])
  }
  return parts
}

type Words = Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>

export function rank(kit: Kit, { logits, limit, count, out }: Parameters<LogitOps['rank']>[0]): readonly Dispatch[] {
  return rankInto(kit, kit.buffer(logits), limit, count, kit.buffer(out))
}

export function logSum(kit: Kit, args: Parameters<LogitOps['logSum']>[0]): readonly Dispatch[] {
  const [logits, out] = [kit.buffer(args.logits), kit.buffer(args.out)]
  const groups = Math.ceil(args.limit / SUMMED)
  const parts = kit.scratch('parts of sums', 8 * groups * logits.rows)
  return [
    dispatch(
      kit,
      'log-sum.part',
      [read('source', 'u32', logits.buffer), write('out', 'u32', parts)],
      { LAST: false },
      params([args.limit, logits.stride, 2 * groups, 0]),
      { x: groups, rows: 1, work: args.limit },
    ),
    dispatch(
      kit,
      'log-sum.part',
      [read('source', 'u32', parts), write('out', 'u32', out.buffer)],
      { LAST: true },
      params([groups, 2 * groups, out.stride, 0]),
      { x: 1, rows: 1, work: groups },
    ),
  ]
}
