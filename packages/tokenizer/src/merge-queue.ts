/** A binary min-heap of doubles. */
export interface MergeQueue {
  /** Takes over the first `count` of `keys`, which must have room for all later pushes, and orders them. */
  fill(keys: Float64Array, count: number): void
  push(key: number): void
  /** The lowest key, or -1 when the queue is empty. */
  pop(): number
}

/**
 * Keys are rank · 2^32 + position: the lowest rank first, then the leftmost. One double holds both exactly up to rank
 * 2^21, so a queue entry costs no object and one comparison.
 */
export const POSITIONS = 2 ** 32

export function mergeQueue(): MergeQueue {
  let heap: Float64Array = new Float64Array(0)
  let size = 0

  const sink = (hole: number, key: number): void => {
    for (;;) {
      let child = 2 * hole + 1
      if (child >= size) break
      if (child + 1 < size && heap[child + 1] < heap[child]) child++
      if (heap[child] >= key) break
      heap[hole] = heap[child]
      hole = child
    }
    heap[hole] = key
  }

  return {
    fill(keys, count) {
      heap = keys
      size = count
      for (let node = (count >>> 1) - 1; node >= 0; node--) sink(node, heap[node])
    },
    push(key) {
      let hole = size++
      while (hole > 0) {
        const parent = (hole - 1) >>> 1
        if (heap[parent] <= key) break
        heap[hole] = heap[parent]
        hole = parent
      }
      heap[hole] = key
    },
    pop() {
      if (size === 0) return -1
      const top = heap[0]
      size--
      if (size > 0) sink(0, heap[size])
      return top
    },
  }
}
