import type { Kernels } from './wasm.js'

/** One thread's instances of the kernels, one for each memory, and what they import to reach each other. */
export interface Link {
  /** What the next instance imports. */
  imports(memory: WebAssembly.Memory): WebAssembly.Imports
  /** Adds that instance; it is then known by its number. */
  add(memory: WebAssembly.Memory, kernels: Kernels): void
  /** Has this thread see how large the memories are by now. */
  refresh(): void
}

export const link = (abort: () => never): Link => {
  const instances: Kernels[] = []
  const memories: WebAssembly.Memory[] = []
  const views: Int32Array[] = []

  /** A memory's words, at least up to byte `end`. A view ends where its memory ended when the view was made. */
  const wordsTo = (memory: number, end: number): Int32Array => {
    if (views[memory].byteLength < end) views[memory] = new Int32Array(memories[memory].buffer)
    if (views[memory].byteLength < end) abort()
    return views[memory]
  }
  const env = {
    abort,
    // WASM hands unsigned addresses over as signed numbers.
    move(from: number, source: number, to: number, target: number, count: number): void {
      const input = wordsTo(from, (source >>> 0) + 4 * count)
      const output = wordsTo(to, (target >>> 0) + 4 * count)
      const first = source >>> 2
      const into = target >>> 2
      for (let i = 0; i < count; i++) output[into + i] = input[first + i]
    },
    perform(memory: number, kind: number, a: number, b: number, c: number, d: number, e: number): void {
      instances[memory].perform(kind, a, b, c, d, e)
    },
  }
  return {
    imports: (memory) => ({ env: { ...env, memory } }),
    add(memory, kernels) {
      instances.push(kernels)
      memories.push(memory)
      views.push(new Int32Array(memory.buffer))
    },
    refresh() {
      // V8 tells threads that a memory has grown, but now and then misses one that is just receiving it. Growing by nothing asks.
      for (const memory of memories) memory.grow(0)
    },
  }
}
