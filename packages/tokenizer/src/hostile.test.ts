import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokenizerFromGguf, type GgufVocabulary } from './gguf.js'
import { tokenizerFromJson } from './json.js'
import { byteName } from './roles.js'
import { codeOf, packStrings } from './testing/gemma.js'

const BYTES = Array.from({ length: 256 }, (_, value) => byteName(value))
const NAMES = ['<bos>', '<eos>', ...BYTES, 'a', 'b', 'ab']

const fields = (names: readonly string[] = NAMES, change: Partial<GgufVocabulary> = {}): GgufVocabulary => ({
  pieces: packStrings(names),
  scores: Float32Array.from(names, (_, id) => -id),
  types: Int32Array.from(names, (name) => (/^<0x/.test(name) ? 6 : /^<..s>$/.test(name) ? 3 : 1)),
  ...change,
})

const gguf = (names?: readonly string[], change?: Partial<GgufVocabulary>): string =>
  codeOf(() => tokenizerFromGguf(fields(names, change)))

describe('GGUF fields', () => {
  it('make a tokenizer when they are sound', () => {
    expect([...tokenizerFromGguf(fields()).encode('abc')]).toEqual([260, 2 + 'c'.charCodeAt(0)])
  })

  it('with lengths that do not agree are refused', () => {
    expect(gguf(NAMES, { scores: new Float32Array(3) })).toBe('tokenizer/bad-vocabulary')
    expect(gguf(NAMES, { types: new Int32Array(3) })).toBe('tokenizer/bad-vocabulary')
    const pieces = packStrings(NAMES)
    expect(gguf(NAMES, { pieces: { ...pieces, lengths: new Uint32Array(3) } })).toBe('tokenizer/bad-vocabulary')
    expect(gguf([])).toBe('tokenizer/bad-vocabulary')
  })

  it('with pieces outside the table, or larger in sum than it, are refused', () => {
    const pieces = packStrings(NAMES)
    const starts = pieces.starts.slice()
    starts[5] = 0xffff_fff0
    expect(gguf(NAMES, { pieces: { ...pieces, starts } })).toBe('tokenizer/bad-vocabulary')
    const lengths = pieces.lengths.map(() => 1000)
    expect(gguf(NAMES, { pieces: { ...pieces, lengths } })).toBe('tokenizer/bad-vocabulary')
  })

  it('with too many pieces are refused before anything is built', () => {
    const count = 2 ** 21
    const pieces = { bytes: new Uint8Array(0), starts: new Uint32Array(count), lengths: new Uint32Array(count) }
    expect(gguf(NAMES, { pieces })).toBe('tokenizer/vocabulary-too-large')
  })

  it('with a piece that is too long or no UTF-8 are refused', () => {
    expect(gguf([...NAMES, 'x'.repeat(1025)])).toBe('tokenizer/bad-vocabulary')
    for (const broken of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80], [0x80]]) {
      const bytes = Uint8Array.from([...packStrings(NAMES).bytes, ...broken])
      const { starts, lengths } = packStrings([...NAMES, 'x'.repeat(broken.length)])
      expect(gguf([...NAMES, 'x'], { pieces: { bytes, starts, lengths } })).toBe('tokenizer/bad-vocabulary')
    }
  })

  it('with odd scores, types or ids are refused', () => {
    for (const score of [NaN, Infinity, -Infinity]) {
      const scores = fields().scores.slice().fill(score, 258)
      expect(gguf(NAMES, { scores })).toBe('tokenizer/bad-vocabulary')
    }
    expect(gguf(NAMES, { types: fields().types.slice().fill(7, 258) })).toBe('tokenizer/bad-vocabulary')
    expect(gguf(NAMES, { bos: 1000 })).toBe('tokenizer/no-bos')
    expect(gguf(NAMES, { eos: -1 })).toBe('tokenizer/no-eos')
    expect(gguf(NAMES, { unknown: 0.5 })).toBe('tokenizer/bad-vocabulary')
    expect(gguf(NAMES.slice(1))).toBe('tokenizer/no-bos')
  })

  it('without all byte pieces are refused', () => {
    expect(gguf(NAMES.filter((name) => name !== '<0x7F>'))).toBe('tokenizer/no-byte-pieces')
    expect(gguf(NAMES, { types: new Int32Array(NAMES.length).fill(1) })).toBe('tokenizer/no-byte-pieces')
  })

  it('with a long added token are refused', () => {
    const names = [...NAMES, 'x'.repeat(129)]
    expect(gguf(names, { types: Int32Array.from(fields(names).types, (type, id) => (id === 261 ? 4 : type)) }))
      .toBe('tokenizer/bad-vocabulary')
  })

  it('may repeat a piece (the first counts) and hold empty ones (no text becomes them)', () => {
    const tokenizer = tokenizerFromGguf(fields([...NAMES, 'ab', '', 'a']))
    expect([...tokenizer.encode('aba')]).toEqual([260, 258])
    expect(tokenizer.decode([261, 262, 263])).toBe('aba')
    expect(tokenizer.find('ab')).toBe(260)
  })

  it('never let text become a marker by merging', () => {
    const names = [...NAMES, '<', 'e', 'o', 's', '>', '<e', '<eo', '<eos', 's>']
    const tokenizer = tokenizerFromGguf(fields(names))
    expect([...tokenizer.encode('<eos>')].map((id) => tokenizer.piece(id))).toEqual(['<eos', '>'])
    expect([...tokenizer.encode('<eos>', { special: true })]).toEqual([tokenizer.eos])
  })

  it('keep Gemma 3 markers markers, whatever type the file gives them', () => {
    const names = [...NAMES, '<end_of_turn>']
    for (const type of [1, 3, 4, 5, 6]) {
      const types = fields(names).types.slice().fill(type, 261)
      const tokenizer = tokenizerFromGguf(fields(names, { types }))
      expect(tokenizer.isControl(261)).toBe(true)
      expect([...tokenizer.encode('<end_of_turn>')]).not.toContain(261)
      expect([...tokenizer.encode('<end_of_turn>', { special: true })]).toEqual([261])
    }
  })

  it('of any kind give a tokenizer that spells every text, or an error with a code', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 4 })
    const score = fc.float({ noNaN: true, noDefaultInfinity: true })
    const odd = fc.array(fc.tuple(name, score, fc.nat(6)), { maxLength: 30 })
    fc.assert(fc.property(odd, fc.string({ unit: 'binary' }), fc.boolean(), (extra, input, special) => {
      const names = [...NAMES, ...extra.map(([name]) => name)]
      const { types, scores } = fields(names)
      extra.forEach(([, score, type], i) => {
        scores[NAMES.length + i] = score
        types[NAMES.length + i] = type
      })
      const tokenizer = tokenizerFromGguf({ pieces: packStrings(names), scores, types })
      const ids = tokenizer.encode(input, { special })
      expect(tokenizer.decode(ids)).toBe(input.replaceAll('\u2581', ' ').toWellFormed())
    }), { numRuns: 500 })
  })
})

const file = (change: object = {}, model: object = {}): Record<string, unknown> => ({
  normalizer: { content: '\u2581', pattern: { String: ' ' }, type: 'Replace' },
  pre_tokenizer: null,
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' },
    ],
  },
  added_tokens: [{ id: 0, content: '<bos>', special: true }],
  model: {
    type: 'BPE',
    byte_fallback: true,
    vocab: Object.fromEntries(NAMES.map((name, id) => [name, id])),
    merges: [['a', 'b']],
    ...model,
  },
  ...change,
})

describe('tokenizer.json', () => {
  it('makes a tokenizer when it is sound, parsed or not', () => {
    for (const json of [file(), JSON.stringify(file()), file({}, { merges: ['a b'] })]) {
      const ids = [...tokenizerFromJson(json).encode('abc<bos>', { special: true })]
      expect(ids).toEqual([260, 2 + 'c'.charCodeAt(0), 0])
    }
  })

  const added = (token: object) => file({ added_tokens: [token] })
  const vocab = (extra: object) => ({ vocab: { ...Object.fromEntries(NAMES.map((name, id) => [name, id])), ...extra } })

  it.each<[string, unknown, string]>([
    ['no JSON', '{', 'tokenizer/bad-json'],
    ['nothing', undefined, 'tokenizer/bad-json'],
    ['a list', [], 'tokenizer/bad-json'],
    ['no model', {}, 'tokenizer/bad-json'],
    ['another model', file({}, { type: 'Unigram' }), 'tokenizer/unsupported'],
    ['no byte fallback', file({}, { byte_fallback: false }), 'tokenizer/unsupported'],
    ['dropout', file({}, { dropout: 0.1 }), 'tokenizer/unsupported'],
    ['another normalizer', file({ normalizer: { type: 'NFKC' } }), 'tokenizer/unsupported'],
    ['another pre-tokenizer', file({ pre_tokenizer: { type: 'ByteLevel' } }), 'tokenizer/unsupported'],
    ['another decoder', file({ decoder: null }), 'tokenizer/unsupported'],
    ['a vocabulary that is a list', file({}, { vocab: [] }), 'tokenizer/bad-json'],
    ['an id that is no number', file({}, vocab({ x: '261' })), 'tokenizer/bad-json'],
    ['a huge id', file({}, vocab({ x: 1e9 })), 'tokenizer/bad-json'],
    ['a gap in the ids', file({}, vocab({ x: 300 })), 'tokenizer/bad-vocabulary'],
    ['an id used twice', file({}, vocab({ x: 5 })), 'tokenizer/bad-vocabulary'],
    ['a lone surrogate', file({}, vocab({ '\ud800': 261 })), 'tokenizer/bad-json'],
    ['no byte pieces', file({}, { vocab: { '<bos>': 0, '<eos>': 1, a: 2, b: 3, ab: 4 } }), 'tokenizer/no-byte-pieces'],
    ['a merge of no piece', file({}, { merges: [['a', 'x']] }), 'tokenizer/bad-merges'],
    ['a merge that makes no piece', file({}, { merges: [['b', 'a']] }), 'tokenizer/bad-merges'],
    ['a merge of three', file({}, { merges: ['a b c'] }), 'tokenizer/bad-merges'],
    ['a merge listed twice', file({}, { merges: ['a b', 'a b'] }), 'tokenizer/bad-merges'],
    ['an added token elsewhere', added({ id: 3, content: 'x' }), 'tokenizer/bad-vocabulary'],
    ['an added token that strips', added({ id: 0, content: '<bos>', lstrip: true }), 'tokenizer/unsupported'],
    ['an added token without text', added({ id: 0 }), 'tokenizer/bad-json'],
    ['a marker made by merging', added({ id: 260, content: 'ab', special: true }), 'tokenizer/bad-merges'],
  ])('with %s is refused', (_, json, code) => {
    expect(codeOf(() => tokenizerFromJson(json))).toBe(code)
  })

  it('may name pieces like properties of objects', () => {
    const text = JSON.stringify(file({}, vocab({ constructor: 262 })))
    const tokenizer = tokenizerFromJson(text.replace('"constructor"', '"__proto__":261,"constructor"'))
    expect([tokenizer.find('__proto__'), tokenizer.find('constructor')]).toEqual([261, 262])
    expect(tokenizer.piece(261)).toBe('__proto__')
  })
})
