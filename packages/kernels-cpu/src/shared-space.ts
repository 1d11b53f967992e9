import type { CpuBuffer } from './buffers.js'
import type { Memories } from './memories.js'
import type { Resources } from './recorder.js'

/** What programs have in common: it is made for the first of them, and none of the others takes more. */
export const sharedSpace = (
  memories: Memories,
  newBuffer: Resources['newBuffer'],
): { readonly constants: Resources['constants']; readonly buffer: Resources['sharedBuffer'] } => {
  const addresses = new Map<string, number>()
  const buffers = new Map<string, CpuBuffer>()
  return {
    constants(memory, key, make) {
      const name = `${memory}: ${key}`
      const known = addresses.get(name)
      if (known !== undefined) return known
      const values = make()
      const address = memories.at(memory).allocate(values.byteLength)
      memories.at(memory).f32(address, values.length).set(values)
      addresses.set(name, address)
      return address
    },
    buffer(label, rows, cols) {
      const name = `${label}: ${rows} x ${cols}`
      const known = buffers.get(name) ?? newBuffer(label, rows, cols)
      buffers.set(name, known)
      return known
    },
  }
}
