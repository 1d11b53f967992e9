import { type AttendedRows, type Buffer, check, type RopeScaling, type TrainOps } from '@g3/backend'
import type { CpuBuffer } from './buffers.js'
import { type Appender, OP, type Operands } from './ops.js'

/** Rows that a thread's scratch of attention has room for. */
const MOST_ROWS = 2048

/** What the ops of learning need beside an {@link Appender}. */
export interface TrainAppender extends Appender {
  headsOf(cols: number, headDim: number): number
  angles(x: Buffer, headDim: number, rope: RopeScaling): CpuBuffer
}

/** The ops of learning. All of a program's lie in one memory: matrices that are learned do not move with a step's rows. */
export const trainRecorder = ({ add, here, matrix, f32, headsOf, angles }: TrainAppender): TrainOps => {
  const inFours = (...buffers: readonly Buffer[]): void => {
    for (const { label, cols } of buffers) check(cols % 4 === 0, 'backend/shape', `${label}: ${cols} columns, not a multiple of 4`)
  }
  const append = (code: number, x: Buffer, wordsOf: (operands: Operands) => readonly number[], memory = here(x)): void => {
    const isFirst = memory === 0
    check(isFirst, 'backend/out-of-memory', 'a model that fills several memories cannot learn here: take a smaller one, or a smaller quant')
    add(code, memory, wordsOf)
  }
  const attended = ({ q, k, v, spans, headDim, scale, sums, out }: AttendedRows, { read, write }: Operands, isDone: boolean): number[] => [
    ...read(q), ...read(k), ...read(v), ...read(spans), ...(isDone ? read(sums) : write(sums)), ...(isDone ? read(out) : write(out)),
    headsOf(q.cols, headDim), headsOf(k.cols, headDim), headDim, f32(scale),
  ]
  const checkRows = ({ q }: AttendedRows): void =>
    check(q.rows <= MOST_ROWS, 'backend/shape', `${q.label}: ${q.rows} rows attend to each other; these kernels take ${MOST_ROWS} at most`)

  return {
    copy({ x, out }) {
      append(OP.copy, x, ({ read, write }) => [...read(x), ...write(out), x.cols])
    },
    times({ x, matrix: held, scale, add: adds = false, out }) {
      inFours(x, out)
      append(OP.times, x, ({ read, write, update, writeFewer }) => [
        ...read(x), ...writeFewer(held), ...(adds ? update(out) : write(out)), x.cols, held.rows, f32(scale), adds ? 1 : 0,
      ])
    },
    timesBack({ y, matrix: held, scale, add: adds = false, out }) {
      inFours(y, out)
      append(OP.timesBack, y, ({ read, write, update, writeFewer }) => [
        ...read(y), ...writeFewer(held), ...(adds ? update(out) : write(out)), out.cols, held.rows, f32(scale), adds ? 1 : 0,
      ])
    },
    addOuter({ y, x, scale, out }) {
      inFours(y, x)
      append(OP.addOuter, y, ({ read, writeFewer }) => [...read(y), ...read(x), ...writeFewer(out), x.cols, out.rows, f32(scale)])
    },
    projectBack({ y, weight, add: adds = false, out }) {
      const { memory, address } = matrix(weight)
      check(out.cols % 8 === 0, 'backend/shape', `${out.label}: ${out.cols} columns, not a multiple of 8`)
      append(
        OP.projectBack, y,
        ({ read, write, update }) => [...read(y), address, ...(adds ? update(out) : write(out)), adds ? 1 : 0],
        memory,
      )
    },
    normBack({ x, weight, eps, grad, add: adds = false, out }) {
      inFours(x)
      append(OP.normBack, x, ({ read, write, update, vector }) => [
        ...read(x), vector(weight), ...read(grad), ...(adds ? update(out) : write(out)), x.cols, f32(eps), adds ? 1 : 0,
      ])
    },
    normRopeBack({ x, weight, headDim, eps, rope, grad }) {
      const heads = headsOf(x.cols, headDim)
      const table = angles(x, headDim, rope)
      append(OP.normRopeBack, x, ({ read, update, vector }) => [
        ...read(x), vector(weight), ...update(grad), ...read(table), heads, headDim, f32(eps),
      ])
    },
    gateBack({ gate, up, grad, gateGrad, upGrad }) {
      inFours(gate)
      append(OP.gateBack, gate, ({ read, write }) => [
        ...read(gate), ...read(up), ...read(grad), ...write(gateGrad), ...write(upGrad), gate.cols,
      ])
    },
    attendRows(args) {
      checkRows(args)
      append(OP.attendRows, args.q, (operands) => attended(args, operands, false))
    },
    attendRowsBack({ shares, grad, qGrad, kGrad, vGrad, ...args }) {
      checkRows(args)
      const words = (operands: Operands): number[] => {
        const { read, write } = operands
        return [...attended(args, operands, true), ...read(grad), ...write(shares), ...write(qGrad), ...write(kGrad), ...write(vGrad)]
      }
      append(OP.attendRowsBack, args.q, words)
      append(OP.attendKeysBack, args.q, words)
    },
    crossEntropy({ logits, targets, other, losses }) {
      inFours(logits)
      append(OP.crossEntropy, logits, ({ read, write, update }) => [
        ...update(logits), ...read(targets), ...(other ? read(other) : [0, 0]), ...write(losses), logits.cols, (targets.cols - 1) / 2,
      ])
    },
  }
}
