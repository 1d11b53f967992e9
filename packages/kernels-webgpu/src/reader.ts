import { G3Error } from '@g3/backend'
import type { Faults } from './faults.js'
import { MAP_READ, USAGE } from './gpu-constants.js'
import type { Queue } from './queue.js'

export interface Range {
  readonly buffer: GPUBuffer
  readonly offset: number
  readonly bytes: number
}

/** Reads what the GPU has written, after all that is enqueued. */
export interface Reader {
  /**
   * @param take receives the ranges' bytes, one after the other; they are gone when it returns
   * @throws G3Error what went wrong on the GPU since the last wait
   */
  read(ranges: readonly Range[], take: (bytes: ArrayBuffer) => void): Promise<void>
  close(): void
}

export function openReader(device: GPUDevice, queue: Queue, faults: Faults): Reader {
  /** Mappable buffers that nobody reads at the moment, the smallest first. */
  const idle: GPUBuffer[] = []
  let closed = false

  const borrow = (bytes: number): GPUBuffer => {
    const at = idle.findIndex(({ size }) => size >= bytes)
    const [found] = at < 0 ? [] : idle.splice(at, 1)
    if (found !== undefined) return found
    // One too small makes way for one that will do for both.
    idle.pop()?.destroy()
    const size = 2 ** Math.ceil(Math.log2(Math.max(256, bytes)))
    return faults.allocating('reading', size, () =>
      device.createBuffer({ label: 'reading', size, usage: USAGE.mapRead | USAGE.copyDst }),
    ).made
  }

  return {
    async read(ranges, take) {
      const bytes = ranges.reduce((sum, range) => sum + range.bytes, 0)
      const target = borrow(bytes)
      await queue.submit((encoder) => {
        let at = 0
        for (const range of ranges) {
          if (range.bytes > 0) encoder.copyBufferToBuffer(range.buffer, range.offset, target, at, range.bytes)
          at += range.bytes
        }
      })
      try {
        if (bytes === 0) await device.queue.onSubmittedWorkDone()
        else await target.mapAsync(MAP_READ, 0, bytes)
        faults.raise()
        if (bytes > 0) take(target.getMappedRange(0, bytes))
      } catch (cause) {
        target.destroy()
        if (closed) throw new G3Error('backend/disposed', 'this backend was disposed while it was read')
        faults.raise()
        if (cause instanceof G3Error) throw cause
        faults.lose(`it gave nothing back: ${String(cause)}`)
        faults.raise()
      }
      target.unmap()
      idle.push(target)
      idle.sort((a, b) => a.size - b.size)
    },
    close() {
      closed = true
      for (const buffer of idle.splice(0)) buffer.destroy()
    },
  }
}
