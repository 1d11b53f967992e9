import { check } from './errors.js'
import { mergesByScore } from './merges.js'
import { GEMMA_MARKERS, PLACEHOLDER, ROLE } from './roles.js'
import { createTokenizer, type Tokenizer } from './tokenizer.js'
import { findPiece, indexVocabulary, spellPiece, type PackedStrings, type Vocabulary } from './vocabulary.js'

/** The tokenizer fields of a GGUF whose `tokenizer.ggml.model` is `llama` (pieces with scores, no merges). */
export interface GgufVocabulary {
  /** `tokenizer.ggml.tokens` */
  readonly pieces: PackedStrings
  /** `tokenizer.ggml.scores`, one a piece */
  readonly scores: Float32Array
  /** `tokenizer.ggml.token_type`, one a piece: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte */
  readonly types: Int32Array | Uint8Array
  /** `tokenizer.ggml.bos_token_id` and the like; found by name where absent. */
  readonly bos?: number
  readonly eos?: number
  readonly unknown?: number
  /** `tokenizer.ggml.add_bos_token`, default true */
  readonly addBos?: boolean
}

const TYPE = { undefined: 0, normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/**
 * A tokenizer from a GGUF's fields. Ids equal llama.cpp's with `parse_special` (for `special: true`), and HF's.
 *
 * Without `special`, markers stay text exactly as in HF's `encode_special_tokens`. A GGUF's types can't tell which
 * tokens are markers: Gemma 3's files call `<unused0>` control and `<start_of_image>` user-defined, and early ones got
 * turn markers wrong. So a token is a marker if Gemma 3 says so ({@link GEMMA_MARKERS}), or if it is of type control
 * and no mere placeholder.
 *
 * Throws `tokenizer/bad-vocabulary`, `tokenizer/vocabulary-too-large`, `tokenizer/no-byte-pieces`, `tokenizer/no-bos`,
 * `tokenizer/no-eos`.
 */
export function tokenizerFromGguf(fields: GgufVocabulary): Tokenizer {
  const { pieces, scores, types, addBos = true } = fields
  const vocabulary = indexVocabulary(pieces)
  const { size } = vocabulary
  check(scores.length === size, 'tokenizer/bad-vocabulary', `${size} pieces but ${scores.length} scores`)
  check(types.length === size, 'tokenizer/bad-vocabulary', `${size} pieces but ${types.length} types`)

  const bos = specialId(vocabulary, 'bos', fields.bos)
  const eos = specialId(vocabulary, 'eos', fields.eos)
  const { unknown = bos } = fields
  const known = Number.isInteger(unknown) && unknown >= 0 && unknown < size
  check(known, 'tokenizer/bad-vocabulary', `the unknown token has the id ${unknown}, of ${size} pieces`)
  const roles = readRoles(fields, vocabulary, [bos, eos, unknown])
  const canMerge = new Uint8Array(size)
  for (let id = 0; id < size; id++) {
    check(Number.isFinite(scores[id]), 'tokenizer/bad-vocabulary', () => `piece ${id} has the score ${scores[id]}`)
    if (roles[id] === ROLE.text) canMerge[id] = 1
  }
  return createTokenizer({
    vocabulary, raw: pieces, roles, canMerge, canStand: canMerge, bos, eos, addBos,
    merges: mergesByScore(vocabulary, scores, canMerge),
  })
}

/** A declared id, checked, or the piece that is named so (`<bos>`). */
function specialId(vocabulary: Vocabulary, name: 'bos' | 'eos', declared: number | undefined): number {
  const id = declared ?? findPiece(vocabulary, `<${name}>`)
  const given = declared === undefined ? 'neither an id nor a piece of that name' : `the id ${declared}`
  const known = Number.isInteger(id) && id >= 0 && id < vocabulary.size
  check(known, `tokenizer/no-${name}`, `the vocabulary has ${given} for <${name}>, of ${vocabulary.size} pieces`)
  return id
}

function readRoles({ pieces, types }: GgufVocabulary, vocabulary: Vocabulary, special: readonly number[]): Uint8Array {
  const roles = new Uint8Array(vocabulary.size)
  for (let id = 0; id < roles.length; id++) {
    switch (types[id]) {
      case TYPE.normal:
        // Merging never sees a space (it is U+2581 by then), so no text becomes a normal piece with a literal one.
        roles[id] = hasSpace(pieces, id) ? ROLE.unused : ROLE.text
        break
      case TYPE.unknown:
        roles[id] = ROLE.marker
        break
      case TYPE.control:
        roles[id] = PLACEHOLDER.test(spellPiece(vocabulary, id)) ? ROLE.added : ROLE.marker
        break
      case TYPE.userDefined:
        roles[id] = ROLE.added
        break
      case TYPE.byte:
        roles[id] = ROLE.byte
        break
      case TYPE.undefined:
      case TYPE.unused:
        roles[id] = ROLE.unused
        break
      default:
        check(false, 'tokenizer/bad-vocabulary', `piece ${id} has the unknown type ${types[id]}`)
    }
  }
  for (const name of GEMMA_MARKERS) {
    const id = findPiece(vocabulary, name)
    if (id >= 0) roles[id] = ROLE.marker
  }
  for (const id of special) roles[id] = ROLE.marker
  return roles
}

function hasSpace({ bytes, starts, lengths }: PackedStrings, id: number): boolean {
  const end = starts[id] + lengths[id]
  for (let i = starts[id]; i < end; i++) if (bytes[i] === 0x20) return true
  return false
}
