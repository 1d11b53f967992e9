import { expect, it } from 'vitest'
import { GEMMA3_1B, GEMMA3_4B } from '../config.js'
import { finishLogits, tokenCount } from './logits.js'

it('rules out the rows of the embedding that are no tokens', () => {
  const logits = new Float32Array(GEMMA3_4B.vocab).fill(1)
  finishLogits(logits, GEMMA3_4B)
  expect(logits.indexOf(-Infinity)).toBe(262_144)
  expect(logits.lastIndexOf(1)).toBe(262_143)
  expect(tokenCount(GEMMA3_1B)).toBe(262_144)
})

it('caps softly', () => {
  const logits = Float32Array.of(0, 1, -1e6, 1e6)
  finishLogits(logits, { ...GEMMA3_1B, vocab: 4, finalSoftcap: 30 })
  expect([...logits]).toEqual([0, Math.fround(30 * Math.tanh(1 / 30)), -30, 30])
})
