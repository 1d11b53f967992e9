/** A token and how likely it is. */
export interface Choice {
  readonly id: number
  readonly probability: number
}

/** Visits the ids of a mask. */
function eachAllowed(mask: Uint32Array, ids: number, visit: (id: number) => void): void {
  for (let word = 0; word < mask.length; word++) {
    for (let rest = mask[word]; rest !== 0; rest &= rest - 1) {
      const id = word * 32 + 31 - Math.clz32(rest & -rest)
      if (id < ids) visit(id)
    }
  }
}

/** The ids that may come, how many, and the likeliest of them with their shares among each other. */
export function allowedIn(logits: Float32Array, mask: Uint32Array, most: number) {
  let [allowed, largest] = [0, -Infinity]
  eachAllowed(mask, logits.length, (id) => {
    allowed++
    largest = Math.max(largest, logits[id])
  })
  let sum = 0
  const best: { id: number; logit: number }[] = []
  eachAllowed(mask, logits.length, (id) => {
    const logit = logits[id]
    sum += Math.exp(logit - largest)
    if (best.length === most && logit <= best[most - 1].logit) return
    const place = best.findIndex((other) => logit > other.logit)
    best.splice(place === -1 ? best.length : place, 0, { id, logit })
    best.length = Math.min(best.length, most)
  })
  const choices = best.map(({ id, logit }): Choice => ({ id, probability: Math.exp(logit - largest) / sum }))
  return { allowed, choices }
}

/** The likeliest of all, whatever may come. */
export const likeliest = (logits: Float32Array, most: number): readonly Choice[] =>
  allowedIn(logits, new Uint32Array(Math.ceil(logits.length / 32)).fill(0xffffffff), most).choices

/**
 * Draws one of the ids that may come.
 * @param temperature 0: the likeliest
 * @param fraction from 0 to 1 (exclusive)
 * @returns undefined where none may, or no logit is a number
 */
export function chooseAmong(
  logits: Float32Array,
  mask: Uint32Array,
  temperature: number,
  fraction: number,
): number | undefined {
  let [best, largest] = [-1, -Infinity]
  eachAllowed(mask, logits.length, (id) => {
    if (logits[id] > largest) [best, largest] = [id, logits[id]]
  })
  if (best < 0) return undefined
  if (temperature === 0) return best
  let sum = 0
  const weightOf = (id: number): number => Math.exp((logits[id] - largest) / temperature)
  eachAllowed(mask, logits.length, (id) => (sum += weightOf(id)))
  let left = fraction * sum
  let chosen = best
  let isFound = false
  eachAllowed(mask, logits.length, (id) => {
    if (isFound) return
    left -= weightOf(id)
    if (left < 0) [chosen, isFound] = [id, true]
  })
  return chosen
}
