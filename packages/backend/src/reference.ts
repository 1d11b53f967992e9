import { checkedLogitOps } from './checked-logits.js'
import { checkedLoraOps } from './checked-lora.js'
import { checkedTrainOps } from './checked-train.js'
import { checkedVisionOps } from './checked-vision.js'
import { checkPage, checkPageBytes, checkValues } from './checked.js'
import type { Buffer, CacheStore, Ops, Program, Step } from './contract.js'
import { check, G3Error } from './errors.js'
import type { LogitBackend, LogitOps } from './logit-ops.js'
import type { LoraOps } from './lora-ops.js'
import { attend } from './reference/attend.js'
import type { Call } from './reference/call.js'
import { draw } from './reference/draw.js'
import { embed, firstColumn } from './reference/embed.js'
import { logitRecorder } from './reference/logits.js'
import { loraRecorder } from './reference/lora.js'
import { memory, type Memory } from './reference/memory.js'
import { addNorm, norm } from './reference/norm.js'
import { copyPage, readPage, writePage } from './reference/pages.js'
import { gatedUp, project } from './reference/project.js'
import { normRope } from './reference/qk-norm-rope.js'
import { rerotate } from './reference/rerotate.js'
import { store } from './reference/store.js'
import { top } from './reference/top.js'
import { trainRecorder } from './reference/train/train.js'
import { visionRecorder } from './reference/vision.js'
import { ropeFrequencies } from './rope.js'
import { stepNeeds } from './step.js'
import type { TrainBackend, TrainOps } from './train-ops.js'
import type { VisionBackend, VisionOps } from './vision-ops.js'

/**
 * The executable specification of the contract: plain loops over f32 buffers, every sum in double.
 * Made to be read and to be compared with; fast enough for tiny models. Weights are held as f32.
 */
export function reference(): VisionBackend & LogitBackend & TrainBackend {
  const owned = memory()
  const programs = new Map<Program, (step: Step) => void>()

  /** The layers of a cache that has these pages. */
  const pageLayers = (cache: CacheStore, ...pages: readonly number[]) => {
    const layers = owned.layers(cache)
    for (const page of pages) checkPage(cache, page)
    return layers
  }

  const backend: VisionBackend & LogitBackend & TrainBackend = {
    caps: {
      name: 'reference',
      description: 'plain loops, double accumulation, 1 thread',
      threads: 1,
      cacheType: 'f32',
      runsAhead: false,
      logitOps: true,
      rankStep: 1,
      trains: true,
    },
    load: owned.load,
    buffer: owned.buffer,
    cache: owned.cache,
    record(label: string, build: (ops: Ops & VisionOps & LogitOps & LoraOps & TrainOps) => void) {
      owned.checkOpen()
      const calls: Call[] = []
      const needs = stepNeeds()
      const plain = { ...recorder(owned, calls), ...visionRecorder(owned, calls) }
      const { ops, checkStep } = checkedVisionOps(plain, needs)
      build({
        ...ops,
        ...checkedLogitOps(logitRecorder(owned, calls), needs),
        ...checkedLoraOps(loraRecorder(owned, calls), needs),
        ...checkedTrainOps(trainRecorder(owned, calls), needs),
      })
      const program: Program = { label }
      programs.set(program, (step) => {
        checkStep(step)
        for (const call of calls) call(step)
      })
      return program
    },
    run(program, step) {
      owned.checkOpen()
      const execute = programs.get(program)
      if (execute === undefined) {
        throw new G3Error('backend/foreign', `program ${program.label} was not recorded by this backend`)
      }
      execute(step)
    },
    async read(buffer, rows, into) {
      const { values, cols } = owned.matrix(buffer)
      const fits =
        Number.isInteger(rows) && rows >= 0 && rows <= buffer.rows && (into?.length ?? Infinity) >= rows * cols
      check(fits, 'backend/shape', () => readProblem(buffer, rows, into))
      const target = into ?? new Float32Array(rows * cols)
      target.set(values.subarray(0, rows * cols))
      return target
    },
    async write(buffer, values) {
      const target = owned.matrix(buffer)
      checkValues(buffer, values)
      target.values.set(values)
    },
    copyPage(cache, from, to) {
      const layers = pageLayers(cache, from ?? to, to)
      copyPage(layers, from, to)
    },
    async readPage(cache, page, into = new Uint8Array(cache.pageBytes)) {
      const layers = pageLayers(cache, page)
      checkPageBytes(cache, into)
      readPage(layers, page, into)
      return into
    },
    async writePage(cache, page, bytes) {
      const layers = pageLayers(cache, page)
      checkPageBytes(cache, bytes)
      writePage(layers, page, bytes)
    },
    async release(given, weights) {
      owned.checkOpen()
      for (const program of given) programs.delete(program)
      for (const weight of weights) owned.drop(weight)
    },
    async dispose() {
      owned.free()
      programs.clear()
    },
    [Symbol.asyncDispose]: () => backend.dispose(),
  }
  return backend
}

/** Each op resolves its handles once and appends the call that a step makes. */
function recorder({ matrix, layers }: Memory, calls: Call[]): Ops {
  return {
    embed({ weight, scale, out, ids: chosen }) {
      const [table, target] = [matrix(weight), matrix(out)]
      const source = chosen && matrix(chosen)
      calls.push(({ rows, ids = NONE }) => embed(rows, source ? firstColumn(rows, source) : ids, table, scale, target))
    },
    norm({ x, weight, eps, out }) {
      const [source, factors, target] = [matrix(x), matrix(weight), matrix(out)]
      calls.push(({ rows }) => norm(rows, source, factors, eps, target))
    },
    qkv({ x, q, k, v }) {
      const source = matrix(x)
      for (const part of [q, k, v]) {
        const [weight, target] = [matrix(part.weight), matrix(part.out)]
        calls.push(({ rows }) => project(rows, source, weight, target))
      }
    },
    qkNormRope({ q, k, qNorm, kNorm, headDim, eps, rope }) {
      const frequencies = ropeFrequencies(headDim, rope.base, rope.scaling)
      for (const [part, weight] of [
        [matrix(q), matrix(qNorm)],
        [matrix(k), matrix(kNorm)],
      ] as const) {
        calls.push(({ rows, positions = NONE }) => normRope(rows, positions, part, weight, eps, frequencies))
      }
    },
    store({ k, v, cache, layer }) {
      const [keys, values, target] = [matrix(k), matrix(v), layers(cache)[layer]]
      calls.push(({ rows, views = [] }) => store(rows, keys, values, views[cache.index].slots, target, cache.spec.type))
    },
    attend({ q, cache, layer, scale, out }) {
      const [queries, source, target] = [matrix(q), layers(cache)[layer], matrix(out)]
      calls.push(({ rows, views = [] }) => attend(rows, queries, views[cache.index], source, cache.spec, scale, target))
    },
    rerotate({ cache, layer, rope }) {
      const { headDim, type } = cache.spec
      const [target, frequencies] = [layers(cache)[layer], ropeFrequencies(headDim, rope.base, rope.scaling)]
      calls.push(({ rows, positions = NONE, views = [] }) =>
        rerotate(rows, positions, views[cache.index].slots, target, type, frequencies),
      )
    },
    project({ x, weight, out }) {
      const [source, factors, target] = [matrix(x), matrix(weight), matrix(out)]
      calls.push(({ rows }) => project(rows, source, factors, target))
    },
    addNorm({ x, y, post, next, eps, out }) {
      const [sum, addend, target] = [matrix(x), matrix(y), matrix(out)]
      const [postFactors, nextFactors] = [matrix(post), matrix(next)]
      calls.push(({ rows }) => addNorm(rows, sum, addend, postFactors, nextFactors, eps, target))
    },
    gatedUp({ x, gate, up, out }) {
      const [source, target] = [matrix(x), matrix(out)]
      const [gateFactors, upFactors] = [matrix(gate), matrix(up)]
      calls.push(({ rows }) => gatedUp(rows, source, gateFactors, upFactors, target))
    },
    logits({ x, weight, out }) {
      const [source, factors, target] = [matrix(x), matrix(weight), matrix(out)]
      calls.push(({ rows, from }) => project(rows, source, factors, target, from))
    },
    top({ x, weight, limit, count, out }) {
      const [source, factors, target] = [matrix(x), matrix(weight), matrix(out)]
      calls.push(({ rows, from }) => top(rows, source, factors, limit, count, target, from))
    },
    draw({ ranked, out }) {
      const [source, target] = [matrix(ranked), matrix(out)]
      calls.push(({ rows, draws = NONE }) => draw(rows, source, draws, target))
    },
  }
}

const readProblem = ({ label, rows: held, cols }: Buffer, rows: number, into: Float32Array | undefined): string =>
  `${label} holds ${held} x ${cols} values: cannot read ${rows} rows${into === undefined ? '' : ` into ${into.length} values`}`

/** Stands for a part of the step that `checkStep` has already required. */
const NONE = new Int32Array(0)
