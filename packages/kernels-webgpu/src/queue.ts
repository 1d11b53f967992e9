import { G3Error, PAGE, type LogitEdits, type Step } from '@g3/backend'
import type { Faults } from './faults.js'
import { canSplit, pageForm, type PageForm } from './ops/attend.js'
import { editParts, type EditRoom } from './ops/logits.js'
import type { Dispatch, GpuProgram } from './program.js'
import { openStepBuffer } from './step-buffer.js'
import { pagesSeen } from './steps.js'

/** Multiplications that are submitted together at most: some tenths of a second on the slowest GPU worth using. */
const MOST_WORK = 2 ** 36

/** Programs and copies on their way to the GPU, in order. */
export interface Queue {
  /** Makes room for a program's steps. */
  reserve(program: GpuProgram): void
  run(program: GpuProgram, step: Step): void
  /** Enqueues copies. */
  copy(encode: (encoder: GPUCommandEncoder) => void): void
  /** Hands over all that is enqueued, with `encode`d copies at the end, once the kernels are compiled. */
  submit(encode?: (encoder: GPUCommandEncoder) => void): Promise<void>
  close(): void
}

/**
 * Runs are encoded into one pass and submitted when somebody waits, or at the end of the current task: so the programs of a
 * token take one write, one pass and one submission.
 */
export function openQueue(device: GPUDevice, layout: GPUBindGroupLayout, faults: Faults): Queue {
  /** Programs whose kernels are compiled. */
  const ready = new WeakSet<GpuProgram>()
  /** What waits for kernels that are being compiled; later calls line up behind it. */
  const waiting: (() => void)[] = []
  let draining: Promise<void> | undefined
  let encoder: GPUCommandEncoder | undefined
  let pass: GPUComputePassEncoder | undefined
  let scheduled = false
  let work = 0

  const steps = openStepBuffer(device, layout, faults)
  let hasEdits = false
  let hasPixels = false
  const offset: [number] = [0]
  const pages: number[] = []
  const forms: (PageForm | undefined)[] = []

  const openEncoder = (): GPUCommandEncoder => {
    encoder ??= device.createCommandEncoder()
    return encoder
  }
  const endPass = (): void => {
    pass?.end()
    pass = undefined
  }
  const flush = (): void => {
    endPass()
    if (encoder !== undefined) {
      steps.write()
      device.queue.submit([encoder.finish()])
      encoder = undefined
    }
    steps.clear()
    hasEdits = false
    hasPixels = false
    work = 0
  }
  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    queueMicrotask(() => {
      scheduled = false
      flush()
    })
  }

  const encode = ({ kernel, group, x, rows, pagesOf, only, work: own }: Dispatch, step: Step): void => {
    if (kernel.pipeline === undefined) {
      if (kernel.failure !== undefined) faults.note(kernel.failure)
      return
    }
    if (only !== undefined && only.form !== forms[only.cache]) return
    if (work + own * step.rows > MOST_WORK && work > 0) {
      endPass()
      // The steps stay where they are: what follows still needs them.
      steps.write()
      device.queue.submit([openEncoder().finish()])
      encoder = undefined
      work = 0
    }
    work += own * step.rows
    if (pass === undefined) {
      pass = openEncoder().beginComputePass()
      pass.setBindGroup(0, steps.group, offset)
    }
    pass.setPipeline(kernel.pipeline)
    pass.setBindGroup(1, group)
    pass.dispatchWorkgroups(x, Math.ceil(step.rows / rows), pagesOf === undefined ? 1 : pages[pagesOf])
  }

  /** Edits of one step at a time lie where kernels read them. */
  const writeEdits = (edits: LogitEdits, rows: number, room: EditRoom): void => {
    for (const [at, words] of editParts(edits, rows, room)) device.queue.writeBuffer(room.buffer, 4 * at, words)
    hasEdits = true
  }

  const runNow = (program: GpuProgram, step: Step): void => {
    if (faults.lost) return
    const isTaken = (program.edits !== undefined && hasEdits) || (program.pixels !== undefined && hasPixels)
    if (isTaken || !steps.takes(program, step)) flush()
    if (program.edits !== undefined && step.edits !== undefined) writeEdits(step.edits, step.rows, program.edits)
    if (program.pixels !== undefined && step.pixels !== undefined) {
      device.queue.writeBuffer(program.pixels, 0, step.pixels)
      hasPixels = true
    }
    offset[0] = steps.place(program, step)
    pass?.setBindGroup(0, steps.group, offset)
    let apart = true
    for (let c = 0; c < program.caches.length; c++) {
      const view = program.caches[c] ? step.views?.[c] : undefined
      pages[c] = view === undefined ? 0 : pagesSeen(view, step.rows, PAGE)
      forms[c] = view && pageForm(view, step.rows, pages[c])
      apart &&= canSplit(pages[c])
    }
    const list = step.rows === 1 && apart ? program.one : program.many
    for (const dispatch of list) encode(dispatch, step)
    schedule()
  }

  const isReady = (program: GpuProgram): boolean => {
    if (ready.has(program)) return true
    const isNow = program.one.every(isSettled) && program.many.every(isSettled)
    if (isNow) ready.add(program)
    return isNow
  }

  const drain = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await compiling
      try {
        next()
      } catch (cause) {
        faults.note(new G3Error('webgpu/internal', `a run could not be handed to the GPU: ${String(cause)}`, { cause }))
      }
    }
    draining = undefined
  }
  let compiling: Promise<unknown> = Promise.resolve()
  const later = (program: GpuProgram | undefined, action: () => void): void => {
    if (program !== undefined) {
      const kernels = [...program.one, ...program.many].map(({ kernel }) => kernel.ready)
      compiling = Promise.all([compiling, ...kernels])
    }
    waiting.push(action)
    draining ??= drain()
  }

  const queue: Queue = {
    reserve(program) {
      flush()
      steps.reserve(program)
    },
    run(program, step) {
      if (draining === undefined && isReady(program)) runNow(program, step)
      else {
        const kept = structuredClone(step)
        later(program, () => runNow(program, kept))
      }
    },
    copy(encodeCopies) {
      const now = (): void => {
        if (faults.lost) return
        endPass()
        encodeCopies(openEncoder())
        schedule()
      }
      if (draining === undefined) now()
      else later(undefined, now)
    },
    async submit(encodeCopies) {
      // In its turn: what is enqueued meanwhile comes after it.
      if (encodeCopies !== undefined) queue.copy(encodeCopies)
      while (draining !== undefined) await draining
      flush()
    },
    close: steps.close,
  }
  return queue
}

const isSettled = ({ kernel }: Dispatch): boolean => kernel.pipeline !== undefined || kernel.failure !== undefined
