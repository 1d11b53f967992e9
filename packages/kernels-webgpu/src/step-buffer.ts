import type { CacheView, Step } from '@g3/backend'
import type { Faults } from './faults.js'
import { USAGE } from './gpu-constants.js'
import type { GpuProgram } from './program.js'
import { STEP_ALIGN, writeStep } from './steps.js'

/** Steps that lie in the buffer at a time, where they have full size. */
const STEPS = 4

/**
 * The buffer that kernels read steps from, and its copy here: steps one after the other, then the page tables of each cache,
 * which change once in 128 tokens of a text and are written only then.
 */
export interface StepBuffer {
  /** What kernels are bound to, at an offset that each run sets. */
  readonly group: GPUBindGroup | undefined
  /** Makes room for a program's steps. Before any waits to be written, and before they are bound. */
  reserve(program: GpuProgram): void
  /** Whether the step can be placed: it has room, and the tables that earlier steps need stay. */
  takes(program: GpuProgram, step: Step): boolean
  /** Places a step. @returns the offset of its first byte */
  place(program: GpuProgram, step: Step): number
  /** Hands over what was placed. */
  write(): void
  /** Forgets what was placed. */
  clear(): void
  close(): void
}

export function openStepBuffer(device: GPUDevice, layout: GPUBindGroupLayout, faults: Faults): StepBuffer {
  /** Words of the largest step; table entries of each cache, and where they begin. */
  let capacity = 0
  let entries: readonly number[] = []
  let tableAt: readonly number[] = []
  let words = new Int32Array(0)
  let buffer: GPUBuffer | undefined
  let group: GPUBindGroup | undefined
  /** Words of steps that wait to be written, and where the last of them begins. */
  let placed = 0
  let last = -1
  let hasBody = false
  let hasDraws = false
  /** The same, counted from a step's first word: made anew for each, but in place. */
  const relative: number[] = []

  const holds = (cache: number, { pages, entries: count }: CacheView): boolean => {
    for (let i = 0; i < count; i++) if (words[tableAt[cache] + i] !== pages[i]) return false
    return true
  }

  const writeTable = (cache: number, { pages, entries: count }: CacheView): void => {
    for (let i = 0; i < count; i++) words[tableAt[cache] + i] = pages[i]
    if (buffer !== undefined) device.queue.writeBuffer(buffer, 4 * tableAt[cache], words, tableAt[cache], count)
  }

  /**
   * Whether the step before has the same rows and from, and room for what the program asks for besides: ids, positions and
   * views, or draws. So all programs of a token share one step.
   */
  const joinsLast = ({ needsOnlyRows, needsDraws }: GpuProgram, { rows, from = 0 }: Step): boolean =>
    last >= 0 &&
    words[last] === rows &&
    words[last + 1] === from &&
    (needsOnlyRows || !hasBody) &&
    !(needsDraws && hasDraws)

  const nextPlace = (): number => roundUp(placed, STEP_ALIGN / 4)

  return {
    get group() {
      return group
    },
    reserve({ stepWords, tableEntries }) {
      const needed = Math.max(capacity, roundUp(stepWords, STEP_ALIGN / 4))
      const isLarger = needed > capacity || tableEntries.some((count, c) => count > (entries[c] ?? 0))
      if (!isLarger) return
      buffer?.destroy()
      capacity = needed
      const length = Math.max(entries.length, tableEntries.length)
      entries = Array.from({ length }, (_, c) => Math.max(tableEntries[c] ?? 0, entries[c] ?? 0))
      let next = capacity * STEPS
      tableAt = entries.map((count) => (next += count) - count)
      words = new Int32Array(next).fill(-1)
      // From a step's offset on, a binding reaches past the tables: so far the buffer has to go for the last step.
      const size = 4 * (next + capacity * STEPS)
      const made = faults.allocating('steps', size, () =>
        device.createBuffer({ label: 'steps', size, usage: USAGE.storage | USAGE.copyDst }),
      ).made
      group = device.createBindGroup({
        label: 'step',
        layout,
        entries: [{ binding: 0, resource: { buffer: made, size: 4 * next } }],
      })
      buffer = made
    },
    takes(program, step) {
      if (placed === 0) return true
      if ((joinsLast(program, step) ? last : nextPlace()) + program.stepWords > capacity * STEPS) return false
      for (let c = 0; c < program.caches.length; c++) {
        const view = program.caches[c] ? step.views?.[c] : undefined
        if (view !== undefined && !holds(c, view)) return false
      }
      return true
    },
    place(program, step) {
      if (!joinsLast(program, step)) {
        last = nextPlace()
        hasBody = false
        hasDraws = false
      }
      for (let c = 0; c < program.caches.length; c++) {
        relative[c] = tableAt[c] - last
        const view = program.caches[c] ? step.views?.[c] : undefined
        if (view !== undefined && !holds(c, view)) writeTable(c, view)
      }
      placed = Math.max(placed, last + writeStep(step, program, relative, words, last))
      hasBody ||= !program.needsOnlyRows
      hasDraws ||= program.needsDraws
      return 4 * last
    },
    write() {
      if (placed > 0 && buffer !== undefined) device.queue.writeBuffer(buffer, 0, words, 0, placed)
    },
    clear() {
      placed = 0
      last = -1
    },
    close: () => buffer?.destroy(),
  }
}

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step
