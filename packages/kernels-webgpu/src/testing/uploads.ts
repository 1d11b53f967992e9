/** Which bytes of which buffers came from the host while a model was loaded: its weights. */
export interface Uploads {
  /** Bytes that came so far, each once. */
  readonly bytes: number
  add(buffer: GPUBuffer, start: number, bytes: number): void
  /** How many bytes of a range of a buffer are among them. */
  within(buffer: GPUBuffer, start: number, bytes: number): number
}

export function uploads(): Uploads {
  /** In order and apart from each other. */
  const ranges = new Map<GPUBuffer, (readonly [start: number, end: number])[]>()
  let sum = 0
  const within: Uploads['within'] = (buffer, start, bytes) =>
    (ranges.get(buffer) ?? []).reduce(
      (total, [from, to]) => total + Math.max(0, Math.min(to, start + bytes) - Math.max(from, start)),
      0,
    )
  return {
    get bytes() {
      return sum
    },
    within,
    add(buffer, start, bytes) {
      sum += bytes - within(buffer, start, bytes)
      const known = ranges.get(buffer) ?? []
      const touching = known.filter(([from, to]) => from <= start + bytes && to >= start)
      const merged = [
        Math.min(start, ...touching.map(([from]) => from)),
        Math.max(start + bytes, ...touching.map(([, to]) => to)),
      ] as const
      const others = known.filter((range) => !touching.includes(range))
      ranges.set(
        buffer,
        [...others, merged].sort(([a], [b]) => a - b),
      )
    },
  }
}
