import type { Capabilities } from './device.js'
import type { Memory } from './memory.js'
import type { Kit, Resolve } from './ops/kit.js'
import type { Pipelines } from './shader/pipelines.js'

interface KitParts {
  readonly device: GPUDevice
  readonly memory: Memory
  readonly pipelines: Pipelines
  readonly capabilities: Capabilities
}

/** What this backend's ops are made with, but for what a program names. */
export function openKit({ device, memory, pipelines, capabilities }: KitParts): Omit<Kit, keyof Resolve> {
  const constants = new Map<string, GPUBuffer>()
  const scratches = new Map<string, GPUBuffer>()
  const numbers = new Map<object, number>()
  const numberOf = (part: object): number => {
    const number = numbers.get(part) ?? numbers.size
    numbers.set(part, number)
    return number
  }
  return {
    subgroups: capabilities.subgroups,
    unrolled: capabilities.unrolled,
    multiplies: capabilities.multiplies,
    bindingBytes: capabilities.bindingBytes,
    kernel: pipelines.kernel,
    parameters: memory.constant,
    bind: ({ label, layout }, buffers) =>
      device.createBindGroup({
        label,
        layout,
        entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
      }),
    scratch(label, bytes) {
      const known = scratches.get(label)
      if (known !== undefined && known.size >= bytes) return known
      // One that is outgrown stays: programs are bound to it.
      const made = memory.room(label, bytes)
      scratches.set(label, made)
      return made
    },
    constants(label, parts) {
      const key = parts.map((part) => ('shards' in part ? numberOf(part) : part.join(' '))).join()
      const known = constants.get(key)
      if (known !== undefined) return known
      const sizes = parts.map((part) => 4 * ('shards' in part ? part.cols : part.length))
      const made = memory.room(
        label,
        sizes.reduce((sum, size) => sum + size, 0),
      )
      const encoder = device.createCommandEncoder()
      let at = 0
      for (const [i, part] of parts.entries()) {
        if ('shards' in part) encoder.copyBufferToBuffer(part.shards[0].buffer, 0, made, at, sizes[i])
        else memory.write(made, at, part)
        at += sizes[i]
      }
      device.queue.submit([encoder.finish()])
      constants.set(key, made)
      return made
    },
  }
}
