/** log Σ exp(logits), in double precision. By index: over the vocabulary, iterating takes twice as long. */
export function logSumExp(logits: Float32Array): number {
  let max = -Infinity
  for (let id = 0; id < logits.length; id++) if (logits[id] > max) max = logits[id]
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - max)
  return max + Math.log(sum)
}
