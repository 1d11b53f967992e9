import { describe, expect, it } from 'vitest'
import type { CpuBuffer } from './buffers.js'
import type { RecordedOp } from './recorder.js'
import { type Move, planRoute } from './route.js'

const buffer = (label: string, home?: number): CpuBuffer => ({
  label,
  rows: 1,
  cols: 8,
  strideBytes: 32,
  home,
  addressIn: () => 0,
})

const op = (memory: number, touched: Partial<Pick<RecordedOp, 'reads' | 'writes' | 'window'>>): RecordedOp => ({
  code: 0,
  memory,
  words: [],
  reads: [],
  writes: [],
  window: undefined,
  ...touched,
})

const described = (moves: readonly Move[]): string[] =>
  moves.map(({ buffer: { label }, from, to, window }) => `${label} ${from}-${to}${window ? ' from' : ''}`)

/** `memory: moves | ops`, a line for each segment, then what is brought home. */
const planned = (...ops: RecordedOp[]): string[] => {
  const { segments, last } = planRoute(ops)
  const lines = segments.map(({ memory, moves, ops: own }) => `${memory}: ${described(moves).join(', ')} | ${own.length}`)
  return last.length > 0 ? [...lines, `home: ${described(last).join(', ')}`] : lines
}

describe('planRoute', () => {
  it('moves nothing within one memory', () => {
    const [x, y] = [buffer('x'), buffer('y')]
    expect(planned(op(0, { writes: [x] }), op(0, { reads: [x], writes: [y] }), op(0, { window: y, writes: [x] }))).toEqual([
      '0:  | 3',
    ])
  })
  it('moves what is read, once, and only that', () => {
    const [x, y, z] = [buffer('x'), buffer('y'), buffer('z')]
    const ops = [
      op(0, { writes: [x] }),
      op(0, { writes: [y] }),
      op(1, { reads: [x], writes: [z] }),
      op(1, { reads: [x, z], writes: [z] }),
    ]
    expect(planned(...ops)).toEqual(['0:  | 2', '1: x 0-1 | 2'])
    expect([x.home, y.home, z.home]).toEqual([0, 0, 1])
  })
  it('lets a move come before the ops of a segment that does not need it yet', () => {
    const [x, y, z] = [buffer('x'), buffer('y'), buffer('z')]
    expect(planned(op(0, { writes: [x, y] }), op(1, { reads: [x], writes: [z] }), op(1, { reads: [y, z], writes: [z] }))).toEqual([
      '0:  | 1',
      '1: x 0-1, y 0-1 | 2',
    ])
  })
  it('moves again what has changed', () => {
    const [x, y] = [buffer('x'), buffer('y')]
    const round = [op(0, { reads: [y], writes: [x] }), op(1, { reads: [x], writes: [y] })]
    expect(planned(...round, ...round)).toEqual(['0: y 1-0 | 1', '1: x 0-1 | 1', '0: y 1-0 | 1', '1: x 0-1 | 1'])
  })
  it('makes the memory of the last write a home, and where there is none that of the first read', () => {
    const [x, y] = [buffer('x'), buffer('y')]
    planned(op(1, { writes: [x] }), op(2, { reads: [y], writes: [x] }), op(3, { reads: [y] }))
    expect([x.home, y.home]).toEqual([2, 2])
  })
  it('brings home what was written elsewhere, as it is in the end', () => {
    const x = buffer('x', 0)
    expect(planned(op(1, { writes: [x] }), op(2, { reads: [x], writes: [x] }))).toEqual(['1:  | 1', '2: x 1-2 | 1', 'home: x 2-0'])
    expect(x.home).toBe(0)
  })
  it('reads a window at home, where the rows of this step go first', () => {
    const [x, y] = [buffer('x', 0), buffer('y')]
    expect(planned(op(1, { window: x, writes: [y] }))).toEqual(['1: x 0-1 from | 1'])
    expect(planned(op(1, { writes: [x] }), op(1, { window: x, writes: [y] }))).toEqual(['1:  | 1', '1: x 1-0, x 0-1 from | 1'])
  })
})
