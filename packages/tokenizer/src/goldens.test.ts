import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { fixture, fixtureLines, gemmaFromGguf, gemmaFromJson } from './testing/gemma.js'
import type { Tokenizer } from './tokenizer.js'

interface Case {
  n: number
  text: string
  ids: number[]
  ids_plain?: number[]
  llamacpp_ids?: number[]
  llamacpp_ids_noparse?: number[]
  decoded: string
}

interface DecodeCase {
  ids: number[]
  decoded: string
  decoded_skip_special: string
}

const cases = fixtureLines<Case>('tokenizer-cases.jsonl')
const decodeCases = fixtureLines<DecodeCase>('tokenizer-decode.jsonl')

/** What a GGUF's vocabulary can't say: U+2581 in the text, and the image soft token, which it lacks. */
const beyondGguf = ({ text }: Case): boolean => text.includes('\u2581') || text.includes('<image_soft_token>')

const differing = (tokenizer: Tokenizer, special: boolean, expected: (one: Case) => number[]): number[] =>
  cases.filter((one) => tokenizer.encode(one.text, { special }).join() !== expected(one).join()).map(({ n }) => n)

it('has all the cases', () => {
  expect([cases.length, cases.filter((one) => one.ids_plain).length, decodeCases.length]).toEqual([346, 41, 80])
})

describe('from tokenizer.json', () => {
  it('encodes with special tokens as HF does', () => {
    expect(differing(gemmaFromJson(), true, ({ ids }) => ids)).toEqual([])
  })

  it('encodes without as HF with encode_special_tokens does', () => {
    expect(differing(gemmaFromJson(), false, ({ ids, ids_plain: plain = ids }) => plain)).toEqual([])
  })

  it('decodes as HF does', () => {
    expect(cases.filter(({ ids, decoded }) => gemmaFromJson().decode(ids) !== decoded)).toEqual([])
  })
})

describe('from GGUF fields', () => {
  it('encodes with special tokens as llama.cpp does, and as HF does unless the vocabulary can not', () => {
    expect(differing(gemmaFromGguf(), true, ({ ids, llamacpp_ids: llama = ids }) => llama)).toEqual([])
    expect(cases.filter((one) => one.llamacpp_ids && !beyondGguf(one))).toEqual([])
  })

  it('encodes without as HF does, and where the vocabulary can not, as llama.cpp does', () => {
    const expected = (one: Case): number[] => {
      const { ids, ids_plain: plain = ids, llamacpp_ids: llama = ids, llamacpp_ids_noparse: noparse = llama } = one
      const got = gemmaFromGguf().encode(one.text).join()
      return beyondGguf(one) && got !== plain.join() ? noparse : plain
    }
    expect(differing(gemmaFromGguf(), false, expected)).toEqual([])
  })

  it('decodes as HF does', () => {
    const known = cases.filter(({ ids }) => ids.every((id) => id < gemmaFromGguf().size))
    expect(known.length).toBe(cases.length - 2)
    expect(known.filter(({ ids, decoded }) => gemmaFromGguf().decode(ids) !== decoded)).toEqual([])
  })
})

describe.each([['tokenizer.json', gemmaFromJson], ['GGUF fields', gemmaFromGguf]])('from %s', (_, make) => {
  it('encodes a large text to the ids that HF found, and back', () => {
    const text = fixture('tokenizer-large.txt')
    const { n_ids: count, ids_u32le_sha256: hash } = JSON.parse(fixture('tokenizer-large.json'))
    const ids = make().encode(text)
    expect(ids.length).toBe(count)
    expect(createHash('sha256').update(ids).digest('hex')).toBe(hash)
    expect(make().decode(ids)).toBe(text)
  })

  it('decodes whatever ids, whole and as a stream', () => {
    for (const { ids, decoded, decoded_skip_special: skipped } of decodeCases) {
      for (const [skipSpecial, expected] of [[false, decoded], [true, skipped]] as const) {
        expect(make().decode(ids, { skipSpecial })).toBe(expected)
        const stream = make().stream({ skipSpecial })
        expect(ids.map((id) => stream.push(id)).join('') + stream.end()).toBe(expected)
      }
    }
  })
})
