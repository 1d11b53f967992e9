/** Above all tokens' ids, so that a multiple of it can be told from them. */
const STEP = 2 ** 20
/** Sets of adapters whose keys fit 31 bits. */
const MOST_SETS = 2 ** 11 - 1

/**
 * Keys of texts by which those under one set of adapters are never taken for those under another: the first key tells the set.
 * Without adapters keys are the ids themselves. Where the first id is an image's, the others still name the image.
 * @param forget called when there were so many sets that their numbers begin anew
 */
export function setKeys(forget: () => void): (adapters: string, ids: Int32Array) => Int32Array {
  const numbers = new Map<string, number>()
  const numberOf = (adapters: string): number => {
    const known = numbers.get(adapters)
    if (known !== undefined) return known
    if (numbers.size === MOST_SETS) {
      numbers.clear()
      forget()
    }
    numbers.set(adapters, numbers.size + 1)
    return numbers.size
  }
  return (adapters, ids) => {
    if (adapters === '' || ids.length === 0) return ids
    const keys = ids.slice()
    keys[0] += STEP * numberOf(adapters)
    return keys
  }
}
