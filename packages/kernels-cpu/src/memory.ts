import { G3Error } from '@g3/backend'
import { LINE, roundUp } from './layout.js'

const PAGE = 65536
/** Below this lie the kernels' own tables. */
const FIRST = PAGE

/** One WASM memory and a bump allocator: what is allocated lives as long as the backend. */
export interface Memory {
  readonly wasm: WebAssembly.Memory
  readonly shared: boolean
  /** Times the memory has grown. */
  readonly grows: number
  /** Bytes in use. */
  readonly used: number
  /** Zeroed bytes, aligned to a cache line. @throws G3Error `backend/out-of-memory` */
  allocate(bytes: number): number
  u8(address: number, length: number): Uint8Array<ArrayBufferLike>
  i32(address: number, length: number): Int32Array<ArrayBufferLike>
  f32(address: number, length: number): Float32Array<ArrayBufferLike>
}

/** Reserves address space, as much as the engine grants (4 GiB at best), and commits as it is used. */
const reserve = (shared: boolean): WebAssembly.Memory => {
  let failure: unknown
  for (let maximum = 65536; maximum >= 4096; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 2, maximum, shared })
    } catch (error) {
      failure = error
    }
  }
  throw new G3Error('backend/out-of-memory', 'this engine grants no 256 MiB WASM memory; free memory and retry', { cause: failure })
}

export const openMemory = (shared: boolean): Memory => {
  const wasm = reserve(shared)
  let next = FIRST
  let grows = 0
  const grow = (end: number): void => {
    const missing = Math.ceil((end - wasm.buffer.byteLength) / PAGE)
    if (missing <= 0) return
    grows++
    try {
      // Growing in steps of 1/64 keeps the count of grows low without asking for much more than is needed.
      const spare = Math.min(Math.floor(end / PAGE / 64), 65536 - Math.ceil(end / PAGE))
      wasm.grow(missing + Math.max(0, spare))
    } catch (error) {
      try {
        wasm.grow(missing)
      } catch {
        throw new G3Error(
          'backend/out-of-memory',
          `needs ${(end / 2 ** 20).toFixed(0)} MiB of WASM memory, which this engine does not grant (4096 MiB at most); ` +
            'load a smaller quant or a shorter context',
          { cause: error },
        )
      }
    }
  }
  return {
    wasm,
    shared,
    get grows() {
      return grows
    },
    get used() {
      return next
    },
    allocate(bytes) {
      const address = next
      const end = roundUp(address + bytes, LINE)
      grow(end)
      next = end
      return address
    },
    u8: (address, length) => new Uint8Array(wasm.buffer, address, length),
    i32: (address, length) => new Int32Array(wasm.buffer, address, length),
    f32: (address, length) => new Float32Array(wasm.buffer, address, length),
  }
}
