import { check, type LoraOps } from '@g3/backend'
import { type Appender, OP } from './ops.js'

/** What the ranks of adapters are multiples of: the columns of float matrices are. */
export const RANK_STEP = 4

/** The ops of adapters. */
export const loraRecorder = ({ add, here, matrix, f32 }: Appender): LoraOps => ({
  addProject({ x, weight, scale, out }) {
    const { memory, address } = matrix(weight)
    add(OP.addProject, memory, ({ read, update }) => [...read(x), address, ...update(out), f32(scale)])
  },
  gate({ up, out }) {
    check(out.cols % 4 === 0, 'backend/shape', `${out.label}: ${out.cols} columns, not a multiple of 4`)
    add(OP.gate, here(out), ({ read, update }) => [...update(out), ...read(up), out.cols])
  },
})
