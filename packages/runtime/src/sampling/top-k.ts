/** The best entries of an array, best first: ids[i] has values[i]. Reused from call to call. */
export interface Ranking {
  readonly ids: Int32Array
  readonly values: Float32Array
  /** How many there are. */
  size: number
}

/** Room for `capacity` entries. */
export const ranking = (capacity: number): Ranking => ({
  ids: new Int32Array(capacity),
  values: new Float32Array(capacity),
  size: 0,
})

/** Whether entry (value, id) ranks below (otherValue, otherId): smaller, or equal with a higher id. */
const ranksBelow = (value: number, id: number, otherValue: number, otherId: number): boolean =>
  value < otherValue || (value === otherValue && id > otherId)

/** Puts (value, id) into the root's place of a heap of `size` whose root ranks lowest. */
function siftDown({ ids, values }: Ranking, size: number, start: number, value: number, id: number): void {
  let hole = start
  for (;;) {
    let child = 2 * hole + 1
    if (child >= size) break
    if (child + 1 < size && ranksBelow(values[child + 1], ids[child + 1], values[child], ids[child])) child++
    if (!ranksBelow(values[child], ids[child], value, id)) break
    values[hole] = values[child]
    ids[hole] = ids[child]
    hole = child
  }
  values[hole] = value
  ids[hole] = id
}

/**
 * Ranks the `count` largest entries above -Infinity (NaN never counts), lower ids first on ties. One pass: most entries
 * fail one comparison with the smallest that is kept, so 262,144 logits cost about as much as finding their maximum.
 * @param into receives them: `count`, or fewer when there are no more
 */
export function topK(entries: Float32Array, count: number, into: Ranking): void {
  const { ids, values } = into
  const wanted = Math.min(count, ids.length)
  let size = 0
  let i = 0
  for (; i < entries.length && size < wanted; i++) {
    const value = entries[i]
    if (!(value > -Infinity)) continue
    values[size] = value
    ids[size++] = i
  }
  for (let node = (size >> 1) - 1; node >= 0; node--) siftDown(into, size, node, values[node], ids[node])
  let threshold = values[0]
  for (; i < entries.length; i++) {
    const value = entries[i]
    if (!(value > threshold)) continue
    siftDown(into, size, 0, value, i)
    threshold = values[0]
  }
  for (let end = size - 1; end > 0; end--) {
    const lowestValue = values[0]
    const lowestId = ids[0]
    siftDown(into, end, 0, values[end], ids[end])
    values[end] = lowestValue
    ids[end] = lowestId
  }
  into.size = size
}
