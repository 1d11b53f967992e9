/** log Σ exp(logits), in double precision. By index: over the vocabulary, iterating takes twice as long. */
export function logSumExp(logits: Float32Array): number {
  let max = -Infinity
  for (let id = 0; id < logits.length; id++) if (logits[id] > max) max = logits[id]
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - max)
  return max + Math.log(sum)
}

/**
 * The `count` largest as [id, logit], largest first, lower ids first on ties; masked ids (-Infinity) never among them.
 */
export function topOf(logits: Float32Array, count: number): [number, number][] {
  const ids = Array.from(logits.keys()).filter((id) => logits[id] > -Infinity)
  ids.sort((a, b) => logits[b] - logits[a] || a - b)
  return ids.slice(0, count).map((id) => [id, logits[id]])
}
