import { check, G3Error } from '@g3/backend'
import type { Faults } from './faults.js'
import { USAGE } from './gpu-constants.js'

/** All buffers of a backend: made here, counted, and destroyed together. */
export interface Memory {
  readonly bindingBytes: number
  /** Most bytes of a part of a weight or of a cache. */
  readonly shardBytes: number
  /** Bytes of all buffers that exist. */
  readonly bytes: number
  /** @throws G3Error `backend/out-of-memory` once the GPU says so */
  weights(label: string, bytes: number): Promise<GPUBuffer>
  /**
   * Room that a kernel writes, all zeros. Whether the GPU has it shows at the next wait.
   * @throws G3Error `backend/out-of-memory` for more than a binding holds
   */
  room(label: string, bytes: number): GPUBuffer
  /** Parameters that never change. */
  constant(label: string, words: Uint32Array<ArrayBuffer>): GPUBuffer
  write(buffer: GPUBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>): void
  /** Waits until the GPU has what was written. */
  written(): Promise<void>
  free(buffer: GPUBuffer): void
  freeAll(): void
}

export function openMemory(
  device: GPUDevice,
  { bindingBytes, shardBytes }: Pick<Memory, 'bindingBytes' | 'shardBytes'>,
  faults: Faults,
): Memory {
  const buffers = new Set<GPUBuffer>()
  let bytes = 0

  const create = (label: string, size: number, usage: number) =>
    faults.allocating(label, size, () => {
      check(
        size <= bindingBytes,
        'backend/out-of-memory',
        () => `${label} needs ${size} bytes in one buffer, a binding on this GPU has at most ${bindingBytes}`,
      )
      const buffer = device.createBuffer({ label, size, usage })
      buffers.add(buffer)
      bytes += size
      return buffer
    })

  const memory: Memory = {
    bindingBytes,
    shardBytes,
    get bytes() {
      return bytes
    },
    async weights(label, size) {
      const { made, fits } = create(label, size, USAGE.storage | USAGE.copyDst | USAGE.copySrc)
      if (await fits) return made
      memory.free(made)
      faults.raise()
      throw new G3Error('backend/out-of-memory', `${label}: the GPU has no memory for ${size} bytes`)
    },
    room: (label, size) => create(label, size, USAGE.storage | USAGE.copyDst | USAGE.copySrc).made,
    constant(label, words) {
      const { made } = create(label, words.byteLength, USAGE.uniform | USAGE.copyDst)
      device.queue.writeBuffer(made, 0, words)
      return made
    },
    write: (buffer, offset, data) => device.queue.writeBuffer(buffer, offset, data),
    async written() {
      await device.queue.onSubmittedWorkDone()
      faults.raise()
    },
    free(buffer) {
      if (!buffers.delete(buffer)) return
      bytes -= buffer.size
      buffer.destroy()
    },
    freeAll() {
      for (const buffer of buffers) buffer.destroy()
      buffers.clear()
      bytes = 0
    },
  }
  return memory
}
