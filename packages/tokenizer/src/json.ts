import { check, G3Error } from './errors.js'
import { mergesByList, type MergeList } from './merges.js'
import { ROLE } from './roles.js'
import { parseTokenizerJson, type TokenizerFile } from './tokenizer-file.js'
import { createTokenizer, type Tokenizer } from './tokenizer.js'
import { findPiece, indexVocabulary, type PackedStrings } from './vocabulary.js'

/**
 * A tokenizer from HF's tokenizer.json (its text, or the parsed object), for Gemma's kind: BPE with byte fallback,
 * spaces replaced by U+2581, BPE over whole stretches of text. Ids equal HF tokenizers', with `special: false` as its
 * `encode_special_tokens`: tokens flagged `special` stay text.
 *
 * Throws `tokenizer/bad-json`, `tokenizer/unsupported`, `tokenizer/bad-vocabulary`, `tokenizer/bad-merges`,
 * `tokenizer/vocabulary-too-large`, `tokenizer/no-byte-pieces`, `tokenizer/no-bos`, `tokenizer/no-eos`.
 */
export function tokenizerFromJson(json: unknown): Tokenizer {
  const file = parseTokenizerJson(typeof json === 'string' ? parse(json) : json)
  const names = piecesById(file)
  const raw = pack(names)
  const vocabulary = indexVocabulary(raw)
  const merges = readMerges(file)
  const roles = new Uint8Array(names.length)
  const canMerge = new Uint8Array(names.length)
  const canStand = new Uint8Array(names.length)
  for (const id of merges.result) canMerge[id] = 1
  for (const id of file.vocab.values()) canStand[id] = 1
  for (let id = 0; id < names.length; id++) if (/^<0x[0-9A-F]{2}>$/.test(names[id])) roles[id] = ROLE.byte
  for (const { id, special } of file.added) {
    roles[id] = special ? ROLE.marker : ROLE.added
    if (!special) continue
    canStand[id] = 0
    check(canMerge[id] === 0, 'tokenizer/bad-merges', () => `merging makes the special token ${names[id]}`)
  }
  const bos = findPiece(vocabulary, '<bos>')
  const eos = findPiece(vocabulary, '<eos>')
  check(bos >= 0, 'tokenizer/no-bos', 'tokenizer.json has no piece <bos>')
  check(eos >= 0, 'tokenizer/no-eos', 'tokenizer.json has no piece <eos>')
  return createTokenizer({
    vocabulary, raw, roles, canMerge, canStand, bos, eos, addBos: file.addsBos, merges: mergesByList(merges),
  })
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new G3Error('tokenizer/bad-json', 'tokenizer.json is not valid JSON', { cause })
  }
}

/** Pieces in the order of their ids, which must be 0 to n - 1 without gaps. */
function piecesById({ vocab, added }: TokenizerFile): string[] {
  const names = new Map<number, string>()
  for (const [piece, id] of vocab) {
    check(!names.has(id), 'tokenizer/bad-vocabulary', () => `${piece} and ${names.get(id)} share the id ${id}`)
    names.set(id, piece)
  }
  for (const { id, content } of added) {
    const known = names.get(id)
    check(known === undefined || known === content, 'tokenizer/bad-vocabulary', `two pieces share the id ${id}`)
    names.set(id, content)
  }
  return Array.from({ length: names.size }, (_, id) => {
    const name = names.get(id)
    check(name !== undefined, 'tokenizer/bad-vocabulary', `there are ${names.size} pieces but none has the id ${id}`)
    return name
  })
}

function pack(names: readonly string[]): PackedStrings {
  const utf8 = new TextEncoder()
  const starts = new Uint32Array(names.length)
  const lengths = new Uint32Array(names.length)
  // A UTF-16 unit takes three bytes at most.
  const bytes = new Uint8Array(names.reduce((sum, name) => sum + 3 * name.length, 0))
  let at = 0
  names.forEach((name, id) => {
    starts[id] = at
    lengths[id] = utf8.encodeInto(name, bytes.subarray(at)).written
    at += lengths[id]
  })
  return { bytes: bytes.subarray(0, at), starts, lengths }
}

function readMerges({ vocab, merges }: TokenizerFile): MergeList {
  const left = new Int32Array(merges.length)
  const right = new Int32Array(merges.length)
  const result = new Int32Array(merges.length)
  const id = (piece: string, place: number): number => {
    const found = vocab.get(piece)
    check(found !== undefined, 'tokenizer/bad-merges', () => `merge ${place} names ${piece}, which is no piece`)
    return found
  }
  merges.forEach(([a, b], place) => {
    left[place] = id(a, place)
    right[place] = id(b, place)
    result[place] = id(a + b, place)
  })
  return { left, right, result }
}
