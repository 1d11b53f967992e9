import { MAP_READ, USAGE } from '../gpu-constants.js'
import { isEncoder, isPass, replace, watch } from './wrap.js'

/** What the dispatches of one kernel took. */
export interface OpTime {
  readonly label: string
  readonly dispatches: number
  readonly nanoseconds: number
}

export interface TimedDevice {
  /** What was run since the last call, the longest first. Waits until all of it is done. */
  take(): Promise<OpTime[]>
}

/** Dispatches of a submission that are timed: a set has at most 4096 queries. */
const MOST_TIMED = 2048

const QUERY_RESOLVE = 0x0200

/** Where the times of one submission go. */
interface Slot {
  readonly queries: GPUQuerySet
  readonly resolved: GPUBuffer
  readonly read: GPUBuffer
  /** Of each dispatch. */
  labels: string[]
}

/**
 * Times each dispatch of a device that has `timestamp-query`, by giving it a pass of its own. Kernels run apart then, so the
 * sum is more than what they take in one pass.
 */
export function timed(device: GPUDevice): TimedDevice {
  const idle: Slot[] = []
  const finished = new Map<unknown, Slot>()
  const reading = new Set<Promise<void>>()
  const totals = new Map<string, { dispatches: number; nanoseconds: number }>()

  const openSlot = (): Slot => {
    const known = idle.pop()
    if (known !== undefined) return { ...known, labels: [] }
    const size = MOST_TIMED * 16
    return {
      queries: device.createQuerySet({ type: 'timestamp', count: 2 * MOST_TIMED }),
      resolved: device.createBuffer({ label: 'times', size, usage: QUERY_RESOLVE | USAGE.copySrc }),
      read: device.createBuffer({ label: 'times to read', size, usage: USAGE.mapRead | USAGE.copyDst }),
      labels: [],
    }
  }
  const readSlot = async (slot: Slot): Promise<void> => {
    const { read, labels } = slot
    await read.mapAsync(MAP_READ)
    const times = new BigUint64Array(read.getMappedRange())
    for (const [i, label] of labels.entries()) {
      const total = totals.get(label) ?? { dispatches: 0, nanoseconds: 0 }
      total.dispatches++
      total.nanoseconds += Number(times[2 * i + 1] - times[2 * i])
      totals.set(label, total)
    }
    read.unmap()
    idle.push(slot)
  }

  watch(device, 'createCommandEncoder', (encoder) => {
    if (!isEncoder(encoder)) return
    let slot: Slot | undefined
    replace(encoder, 'beginComputePass', (begin) => () => {
      slot ??= openSlot()
      return apart(begin, slot)
    })
    replace(encoder, 'finish', (finish) => (...args) => {
      if (slot === undefined) return finish(...args)
      const bytes = slot.labels.length * 16
      if (bytes > 0) {
        encoder.resolveQuerySet(slot.queries, 0, 2 * slot.labels.length, slot.resolved, 0)
        encoder.copyBufferToBuffer(slot.resolved, 0, slot.read, 0, bytes)
      }
      const commands = finish(...args)
      finished.set(commands, slot)
      return commands
    })
  })
  watch(device.queue, 'submit', (_, list) => {
    for (const commands of Array.isArray(list) ? list : []) {
      const slot = finished.get(commands)
      finished.delete(commands)
      if (slot === undefined) continue
      const read = readSlot(slot).finally(() => reading.delete(read))
      reading.add(read)
    }
  })
  return {
    async take() {
      await Promise.all(reading)
      const times = Array.from(totals, ([label, total]) => ({ label, ...total }))
      totals.clear()
      return times.sort((a, b) => b.nanoseconds - a.nanoseconds)
    },
  }
}

type PartOfPass = Pick<GPUComputePassEncoder, 'setPipeline' | 'dispatchWorkgroups' | 'end'> & {
  setBindGroup(index: number, group: GPUBindGroup, offsets?: Iterable<number>): void
}

/** A pass whose dispatches are passes. */
function apart(begin: (descriptor: GPUComputePassDescriptor) => unknown, { queries, labels }: Slot): PartOfPass {
  const groups: (readonly [number, GPUBindGroup, number[]])[] = []
  let pipeline: GPUComputePipeline | undefined
  return {
    setPipeline(next) {
      pipeline = next
    },
    setBindGroup(index, group, offsets = []) {
      groups[index] = [index, group, [...offsets]]
    },
    dispatchWorkgroups(...size) {
      const at = 2 * labels.length
      const timestampWrites = { querySet: queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 }
      const isTimed = labels.length < MOST_TIMED
      const pass = begin(isTimed ? { timestampWrites } : {})
      if (!isPass(pass) || pipeline === undefined) return
      if (isTimed) labels.push(pipeline.label)
      pass.setPipeline(pipeline)
      for (const group of groups) pass.setBindGroup(...group)
      pass.dispatchWorkgroups(...size)
      pass.end()
    },
    end() {},
  }
}
