import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokenizerFromGguf } from './gguf.js'
import { tokenizerFromJson } from './json.js'
import { byteName } from './roles.js'
import { gemmaFromGguf, gemmaFromJson, packStrings } from './testing/gemma.js'

const PIECES = ['<bos>', '<eos>', '<nl>', ...Array.from({ length: 256 }, (_, value) => byteName(value))]
const META = '\u2581'

/**
 * Byte-pair encoding as its definition says, in quadratic time. `rank`: of a merge of two neighbours, undefined = none.
 */
function slowly(text: string, rank: (left: string, right: string) => number | undefined): string[] {
  const symbols = [...text.replaceAll(' ', META)]
  for (;;) {
    let best = -1
    let lowest = Infinity
    for (let i = 0; i + 1 < symbols.length; i++) {
      const found = rank(symbols[i], symbols[i + 1])
      if (found !== undefined && found < lowest) {
        lowest = found
        best = i
      }
    }
    if (best < 0) return symbols
    symbols.splice(best, 2, symbols[best] + symbols[best + 1])
  }
}

const spell = (symbols: string[], known: Set<string>): string[] =>
  symbols.flatMap((symbol) => (known.has(symbol) ? [symbol] : [...Buffer.from(symbol)].map(byteName)))

/** A few characters, so that pieces meet often; two of them need several bytes, and `z` is in no vocabulary. */
const character = fc.constantFrom('a', 'a', 'b', 'c', ' ', 'é', '界', 'z')
const characters = ['a', 'b', 'c', META, 'é', '界']
const piece = fc.array(fc.constantFrom(...characters), { minLength: 1, maxLength: 5 }).map((a) => a.join(''))
const text = fc.oneof(
  fc.array(character, { maxLength: 30 }).map((a) => a.join('')),
  // Long enough for the queue.
  fc.array(fc.constantFrom('a', 'a', 'a', 'b', ' ', '界'), { minLength: 41, maxLength: 150 }).map((a) => a.join('')),
)
const texts = fc.array(text, { minLength: 1, maxLength: 6 })

describe('merging equals its definition', () => {
  it('with scores', () => {
    // Few scores for many pieces: ties must go to the left.
    const score = fc.integer({ min: -6, max: 3 })
    const scored = fc.uniqueArray(fc.tuple(piece, score), { maxLength: 40, selector: ([name]) => name })
    fc.assert(fc.property(scored, texts, (pieces, inputs) => {
      const scores = new Map<string, number>(characters.map((c) => [c, -50]))
      for (const [name, score] of pieces) scores.set(name, score)
      const names = [...PIECES, ...scores.keys()]
      const tokenizer = tokenizerFromGguf({
        pieces: packStrings(names),
        scores: Float32Array.from(names, (name) => scores.get(name) ?? -1000),
        types: Int32Array.from(names, (_, id) => (id < 3 ? 3 : id < PIECES.length ? 6 : 1)),
      })
      for (const input of inputs) {
        const rank = (left: string, right: string): number | undefined => {
          const score = scores.get(left + right)
          return score === undefined ? undefined : -score
        }
        const expected = spell(slowly(input, rank), new Set(scores.keys()))
        expect([...tokenizer.encode(input)].map((id) => tokenizer.piece(id))).toEqual(expected)
      }
    }), { numRuns: 300 })
  })

  it('with a list of merges', () => {
    const steps = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 40 })
    fc.assert(fc.property(steps, texts, (picks, inputs) => {
      const known = [...characters]
      const merges = new Map<string, number>()
      for (const [i, j] of picks) {
        const left = known[i % known.length]
        const right = known[j % known.length]
        if (merges.has(`${left} ${right}`) || left.length + right.length > 12) continue
        merges.set(`${left} ${right}`, merges.size)
        if (!known.includes(left + right)) known.push(left + right)
      }
      const tokenizer = tokenizerFromJson(tokenizerJson([...PIECES, ...known], [...merges.keys()]))
      for (const input of inputs) {
        const expected = spell(slowly(input, (left, right) => merges.get(`${left} ${right}`)), new Set(known))
        expect([...tokenizer.encode(input)].map((id) => tokenizer.piece(id))).toEqual(expected)
      }
    }), { numRuns: 300 })
  })
})

const tokenizerJson = (names: string[], merges: string[]): unknown => ({
  normalizer: { type: 'Replace', pattern: { String: ' ' }, content: META },
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: META }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' },
    ],
  },
  model: { type: 'BPE', byte_fallback: true, vocab: Object.fromEntries(names.map((name, id) => [name, id])), merges },
  added_tokens: [],
})

/** Unicode of all kinds with the strings that matter in between. */
const wild = fc.array(
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom(' ', '  ', '\n', '\n\n\n', '\t\t', ' the', 'ing', '12', 'ﬁ', '\ud800', '\udc00'),
    fc.constantFrom('<bos>', '<start_of_turn>', '<start_of_image>', '<unused7>', '</td>', '<start_of_'),
    fc.tuple(fc.constantFrom(' ', '\n', '\t', 'a', '=', '你', 'é'), fc.nat(200)).map(([c, n]) => c.repeat(n)),
  ),
  { maxLength: 20 },
).map((parts) => parts.join(''))

describe('Gemma 3 on any text', () => {
  it('gives the same ids from GGUF fields as from tokenizer.json', () => {
    fc.assert(fc.property(wild.filter((t) => !t.includes(META)), fc.boolean(), (input, special) => {
      expect(gemmaFromGguf().encode(input, { special })).toEqual(gemmaFromJson().encode(input, { special }))
    }), { numRuns: 1500 })
  })

  it('decodes to the text again', () => {
    fc.assert(fc.property(wild, fc.boolean(), (input, special) => {
      const ids = gemmaFromGguf().encode(input, { special })
      expect(gemmaFromGguf().decode(ids)).toBe(input.replaceAll(META, ' ').toWellFormed())
    }), { numRuns: 1500 })
  })

  it('streams what it decodes, and never a broken character', () => {
    const id = fc.oneof(fc.nat(262_143), fc.integer({ min: 238, max: 493 }), fc.nat(300))
    fc.assert(fc.property(fc.array(id, { maxLength: 40 }), fc.boolean(), (ids, skipSpecial) => {
      const stream = gemmaFromGguf().stream({ skipSpecial })
      const parts = ids.map((one) => stream.push(one))
      parts.push(stream.end())
      expect(parts.every((part) => part.isWellFormed())).toBe(true)
      expect(parts.join('')).toBe(gemmaFromGguf().decode(ids, { skipSpecial }))
    }), { numRuns: 2000 })
  })
})
