import { describe, expect, it } from 'vitest'
import { labModels } from '../../lab/opened.js'
import { context, tinyVision } from '../../lab/testing/site-model.js'
import { allowedIn, chooseAmong, likeliest } from './choose.js'
import { grow as work, type GrowCall, type GrownToken } from './grow.js'

const grow = work(labModels())

const coded = (code: string) => expect.objectContaining({ code })
const SCHEMA = JSON.stringify({
  type: 'object',
  properties: {
    shape: { enum: ['heart', 'star'] },
    colour: { enum: ['red', 'blue'] },
    count: { type: 'integer', minimum: 1, maximum: 9 },
  },
  required: ['shape', 'colour', 'count'],
  additionalProperties: false,
})
const args = { model: tinyVision(), schema: SCHEMA, prompt: 'Describe the image.', temperature: 0, seed: 1, most: 120 }

it('grows a value of the schema, and tells at each token what was allowed', async () => {
  const here = context<GrownToken>()
  const { text, isComplete, forced } = await grow(args, here)
  expect(isComplete).toBe(true)
  const value = JSON.parse(text)
  expect(Object.keys(value).sort()).toEqual(['colour', 'count', 'shape'])
  expect(['heart', 'star']).toContain(value.shape)
  expect(
    here.told
      .filter(({ text: piece }) => piece !== 'the end')
      .map(({ text: piece }) => piece)
      .join(''),
  ).toBe(text)
  for (const { allowed, choices, isForced, refused } of here.told) {
    expect(choices.length).toBe(Math.min(8, allowed))
    if (allowed === 1) expect(isForced || choices[0]?.text === 'the end').toBe(true)
    expect(refused.every(({ id }) => choices.every((choice) => choice.id !== id))).toBe(true)
  }
  expect(forced).toBeGreaterThan(0)
})

it('draws the same text for the same seed, and stops at its room', async () => {
  const hot = { ...args, temperature: 1.5 }
  const [first, second] = [await grow(hot, context()), await grow(hot, context())]
  expect(second).toEqual(first)
  const cut = await grow({ ...args, most: 2 }, context())
  expect(cut.isComplete).toBe(false)
})

it('refuses what is no schema, by name', async () => {
  const bad = (schema: string) => grow({ ...args, schema } satisfies GrowCall['args'], context())
  await expect(bad('{')).rejects.toThrow(coded('demo/bad-schema'))
  await expect(bad('[]')).rejects.toThrow(coded('demo/bad-schema'))
  await expect(bad('{"type":"nothing"}')).rejects.toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^grammar\//) }),
  )
})

describe('choices', () => {
  const logits = Float32Array.from({ length: 40 }, (_, id) => (id === 37 ? 5 : id % 7))
  const mask = Uint32Array.of((1 << 3) | (1 << 31), 1 << 5)

  it('counts and ranks what a mask allows, the sign bit too', () => {
    const { allowed, choices } = allowedIn(logits, mask, 2)
    expect(allowed).toBe(3)
    expect(choices.map(({ id }) => id)).toEqual([37, 3])
    const sum = Math.exp(5) + 2 * Math.exp(3)
    expect(choices[0]?.probability).toBeCloseTo(Math.exp(5) / sum)
    expect(likeliest(logits, 1)[0]?.id).toBe(6)
  })

  it('draws in proportion, and nothing that is not allowed', () => {
    expect(chooseAmong(logits, mask, 0, 0.99)).toBe(37)
    const drawn = Array.from({ length: 1000 }, (_, n) => chooseAmong(logits, mask, 1, n / 1000))
    expect(new Set(drawn)).toEqual(new Set([3, 31, 37]))
    expect(drawn.filter((id) => id === 37).length / 1000).toBeCloseTo(Math.exp(5) / (Math.exp(5) + 2 * Math.exp(3)), 2)
    expect(chooseAmong(logits, new Uint32Array(2), 1, 0.5)).toBeUndefined()
  })
})
