/** The ids of a text, from the first on. Grows as it must; adding one allocates nothing most of the time. */
export interface Tokens {
  readonly length: number
  at(index: number): number
  push(id: number): void
  /** Replaces one. */
  put(index: number, id: number): void
  /** Forgets all from `length` on. */
  truncate(length: number): void
  /** Replaces all. */
  set(ids: Int32Array): void
  /** All ids, valid until the next change. */
  view(): Int32Array
  /** How many of `ids` these begin with. */
  shared(ids: Int32Array): number
}

/** @param room ids that fit before it grows */
export function tokens(room: number): Tokens {
  let held = new Int32Array(room)
  let length = 0
  const grow = (): void => {
    const larger = new Int32Array(2 * held.length)
    larger.set(held)
    held = larger
  }
  return {
    get length() {
      return length
    },
    at: (index) => held[index],
    push(id) {
      if (length === held.length) grow()
      held[length++] = id
    },
    put(index, id) {
      held[index] = id
    },
    truncate(to) {
      length = to
    },
    set(ids) {
      while (held.length < ids.length) grow()
      held.set(ids)
      length = ids.length
    },
    view: () => held.subarray(0, length),
    shared(ids) {
      const most = Math.min(length, ids.length)
      let count = 0
      while (count < most && held[count] === ids[count]) count++
      return count
    },
  }
}
