import { G3Error } from '@g3/backend'
import { freeList } from './free-list.js'
import { LINE, roundUp } from './layout.js'

const PAGE = 65536
/** Below this lie the kernels' own tables. */
const FIRST = PAGE

/** What 32-bit addresses reach. */
export const MOST_BYTES = 2 ** 32

/** One WASM memory and its allocator: mostly what is allocated lives as long as the backend. */
export interface Memory {
  readonly wasm: WebAssembly.Memory
  readonly shared: boolean
  /** Most bytes that it can have. */
  readonly limit: number
  /** Times the memory has grown. */
  readonly grows: number
  /** Whether `bytes` more are within its limit. */
  fits(bytes: number): boolean
  /** Zeroed bytes, aligned to a cache line. @throws G3Error `backend/out-of-memory` */
  allocate(bytes: number): number
  /** Gives back what {@link allocate} gave, once no job uses it. */
  free(address: number, bytes: number): void
  u8(address: number, length: number): Uint8Array<ArrayBufferLike>
  i32(address: number, length: number): Int32Array<ArrayBufferLike>
  f32(address: number, length: number): Float32Array<ArrayBufferLike>
}

const mebibytes = (bytes: number): string => Math.ceil(bytes / 2 ** 20).toString()

/** `bytes` of one memory, where the engine grants `limit` at most. */
export const outOfMemory = (bytes: number, limit: number, cause?: unknown): G3Error =>
  new G3Error(
    'backend/out-of-memory',
    `needs ${mebibytes(bytes)} MiB of one WASM memory, which this engine does not grant (${mebibytes(limit)} MiB at most); ` +
      'load a smaller quant or a shorter context',
    { cause },
  )

/** Reserves address space, as much as the engine grants, and commits as it is used. */
const reserve = (shared: boolean, most: number): { readonly wasm: WebAssembly.Memory; readonly limit: number } => {
  let failure: unknown
  for (let limit = most; limit >= Math.min(most, 2 ** 28); limit /= 2) {
    try {
      return { wasm: new WebAssembly.Memory({ initial: 2, maximum: limit / PAGE, shared }), limit }
    } catch (error) {
      failure = error
    }
  }
  throw new G3Error('backend/out-of-memory', 'this engine grants no further WASM memory of 256 MiB; free memory and retry', {
    cause: failure,
  })
}

/**
 * @param most its limit in bytes, a multiple of 64 KiB; the engine may grant less
 * @throws G3Error `backend/out-of-memory`
 */
export const openMemory = (shared: boolean, most: number): Memory => {
  const { wasm, limit } = reserve(shared, most)
  const given = freeList()
  let next = FIRST
  let grows = 0
  const grow = (end: number): void => {
    const missing = Math.ceil((end - wasm.buffer.byteLength) / PAGE)
    if (missing <= 0) return
    grows++
    try {
      // Growing in steps of 1/64 keeps the count of grows low without asking for much more than is needed.
      const spare = Math.min(Math.floor(end / PAGE / 64), limit / PAGE - Math.ceil(end / PAGE))
      wasm.grow(missing + Math.max(0, spare))
    } catch (error) {
      try {
        wasm.grow(missing)
      } catch {
        throw outOfMemory(end, limit, error)
      }
    }
  }
  return {
    wasm,
    shared,
    limit,
    get grows() {
      return grows
    },
    fits: (bytes) => roundUp(next + bytes, LINE) <= limit,
    allocate(bytes) {
      const again = bytes > 0 ? given.take(roundUp(bytes, LINE)) : undefined
      if (again !== undefined) {
        new Uint8Array(wasm.buffer, again, bytes).fill(0)
        return again
      }
      const address = next
      const end = roundUp(address + bytes, LINE)
      grow(end)
      next = end
      return address
    },
    free(address, bytes) {
      if (bytes > 0) given.give(address, roundUp(bytes, LINE))
    },
    u8: (address, length) => new Uint8Array(wasm.buffer, address, length),
    i32: (address, length) => new Int32Array(wasm.buffer, address, length),
    f32: (address, length) => new Float32Array(wasm.buffer, address, length),
  }
}
