import type { Backend, Buffer, Ops, Program, Step } from './contract.js'
import { check } from './errors.js'
import type { VisionBackend, VisionOps } from './vision-ops.js'

export type OpName = keyof Ops | keyof VisionOps

/** One buffer as an op left it. */
export interface TraceEvent {
  /** Label of the program. */
  readonly program: string
  readonly op: OpName
  /** Place of the op in its program, from 0. */
  readonly call: number
  /** Label of the buffer. */
  readonly buffer: string
  readonly rows: number
  readonly cols: number
  /** [rows, cols], a copy. */
  readonly values: Float32Array
}

/**
 * A backend that runs its programs op by op and hands every written buffer to `sink`, for layer-by-layer diffs against
 * an oracle. Slow, and it hides what a backend gains by fusing ops: each op becomes a program of its own. An error of
 * the sink or of an op appears at the next `read`, as the contract says.
 */
export function traced(backend: VisionBackend, sink: (event: TraceEvent) => void | Promise<void>): VisionBackend
export function traced(backend: Backend, sink: (event: TraceEvent) => void | Promise<void>): Backend
export function traced(backend: Backend, sink: (event: TraceEvent) => void | Promise<void>): Backend {
  const programs = new Map<Program, readonly TracedCall[]>()
  let queue: Promise<void> = Promise.resolve()
  let open = true
  let sees: boolean | undefined
  const checkOpen = (): void => check(open, 'backend/disposed', 'this backend was disposed; make a new one')

  const runCall = async (label: string, index: number, call: TracedCall, step: Step): Promise<void> => {
    backend.run(call.program, step)
    const rows = call.rows ?? step.rows
    for (const buffer of call.written) {
      const values = await backend.read(buffer, rows)
      const { label: name, cols } = buffer
      await sink({ program: label, op: call.op, call: index, buffer: name, rows, cols, values })
    }
  }

  /** Does what waits once all that was enqueued is done; an error of that is told here and then forgotten. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work)
    queue = result.then(
      () => {},
      () => {},
    )
    return result
  }

  const tracing: Backend = {
    caps: { ...backend.caps, logitOps: false, rankStep: 0 },
    load: (tensor, signal) => backend.load(tensor, signal),
    buffer: (label, rows, cols) => backend.buffer(label, rows, cols),
    cache: (spec) => backend.cache(spec),
    record(label, build) {
      checkOpen()
      const program: Program = { label }
      programs.set(program, splitOps(backend, label, build, (sees ??= seesImages(backend))))
      return program
    },
    run(program, step) {
      checkOpen()
      const calls = programs.get(program)
      check(calls !== undefined, 'backend/foreign', () => `program ${program.label} was not recorded by this backend`)
      const kept = copyStep(step)
      queue = queue.then(async () => {
        for (const [index, call] of calls.entries()) await runCall(program.label, index, call, kept)
      })
      // Reported by `read`; without this a host would call the rejection unhandled first.
      queue.catch(() => {})
    },
    read: (buffer, rows, into) => inTurn(() => backend.read(buffer, rows, into)),
    write: (buffer, values) => inTurn(() => backend.write(buffer, values)),
    copyPage(cache, from, to) {
      checkOpen()
      queue = queue.then(() => backend.copyPage(cache, from, to))
      queue.catch(() => {})
    },
    readPage: (cache, page, into) => inTurn(() => backend.readPage(cache, page, into)),
    writePage: (cache, page, bytes) => inTurn(() => backend.writePage(cache, page, bytes)),
    async dispose() {
      open = false
      await backend.dispose()
    },
    [Symbol.asyncDispose]: () => tracing.dispose(),
  }
  return tracing
}

interface TracedCall {
  readonly op: OpName
  readonly program: Program
  readonly written: readonly Buffer[]
  /** That were written. Default: the step's. */
  readonly rows?: number
}

const hasImageOps = (ops: Ops): ops is Ops & VisionOps => 'patches' in ops

/** Records each op as a program of its own; those of images where the backend has them. */
function splitOps(backend: Backend, label: string, build: (ops: Ops) => void, sees: boolean): readonly TracedCall[] {
  const calls: TracedCall[] = []
  const add = (op: keyof Ops, written: readonly Buffer[], single: (ops: Ops) => void): void => {
    calls.push({ op, written, program: backend.record(`${label}/${calls.length}.${op}`, single) })
  }
  const plain: Ops = {
    embed: (args) => add('embed', [args.out], (ops) => ops.embed(args)),
    norm: (args) => add('norm', [args.out], (ops) => ops.norm(args)),
    qkv: (args) => add('qkv', [args.q.out, args.k.out, args.v.out], (ops) => ops.qkv(args)),
    qkNormRope: (args) => add('qkNormRope', [args.q, args.k], (ops) => ops.qkNormRope(args)),
    store: (args) => add('store', [], (ops) => ops.store(args)),
    attend: (args) => add('attend', [args.out], (ops) => ops.attend(args)),
    rerotate: (args) => add('rerotate', [], (ops) => ops.rerotate(args)),
    project: (args) => add('project', [args.out], (ops) => ops.project(args)),
    addNorm: (args) => add('addNorm', [args.x, args.out], (ops) => ops.addNorm(args)),
    gatedUp: (args) => add('gatedUp', [args.out], (ops) => ops.gatedUp(args)),
    logits: (args) => add('logits', [args.out], (ops) => ops.logits(args)),
    top: (args) => add('top', [args.out], (ops) => ops.top(args)),
    draw: (args) => add('draw', [args.out], (ops) => ops.draw(args)),
  }
  const addImage = (op: keyof VisionOps, out: Buffer, single: (ops: VisionOps) => void, rows?: number): void => {
    const program = backend.record(`${label}/${calls.length}.${op}`, (ops) => hasImageOps(ops) && single(ops))
    calls.push({ op, written: [out], program, ...(rows !== undefined && { rows }) })
  }
  const images: VisionOps = {
    patches: (args) => addImage('patches', args.out, (ops) => ops.patches(args)),
    layerNorm: (args) => addImage('layerNorm', args.out, (ops) => ops.layerNorm(args)),
    linear: (args) => addImage('linear', args.out, (ops) => ops.linear(args)),
    addLinear: (args) => addImage('addLinear', args.out, (ops) => ops.addLinear(args)),
    attendAll: (args) => addImage('attendAll', args.out, (ops) => ops.attendAll(args)),
    pool: (args) => addImage('pool', args.out, (ops) => ops.pool(args), args.x.rows / args.size ** 2),
  }
  build(sees ? { ...plain, ...images } : plain)
  return calls
}

/** Whether a backend has ops for images, which only a program's recording tells: one that is never run. */
function seesImages(backend: Backend): boolean {
  let sees = false
  const [ranked, out] = [backend.buffer('trace ranked', 1, 2), backend.buffer('trace drawn', 1, 1)]
  backend.record('trace', (ops) => {
    sees = hasImageOps(ops)
    // Backends refuse a program without ops.
    ops.draw({ ranked, out })
  })
  return sees
}

/** The caller may reuse its arrays as soon as `run` returns, but the ops of this step run later. */
function copyStep(step: Step): Step {
  return {
    rows: step.rows,
    ...(step.ids && { ids: step.ids.slice() }),
    ...(step.draws && { draws: step.draws.slice() }),
    ...(step.positions && { positions: step.positions.slice() }),
    ...(step.views && {
      views: step.views.map((view) => structuredClone(view)),
    }),
    ...(step.from !== undefined && { from: step.from }),
    ...(step.pixels && { pixels: step.pixels.slice() }),
  }
}
