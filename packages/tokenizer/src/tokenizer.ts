import { addedTokens } from './added-tokens.js'
import { decoder, type DecodeOptions, type StreamDecoder } from './decode.js'
import { check } from './errors.js'
import { collectJoins } from './joins.js'
import type { Merges } from './merges.js'
import { byteName, ROLE } from './roles.js'
import { findPiece, META, spellPiece, writeInner, type PackedStrings, type Vocabulary } from './vocabulary.js'
import { wordEncoder } from './words.js'

export interface EncodeOptions {
  /**
   * Reads markers (`<start_of_turn>` and the like, see `isControl`) in the text as control tokens. Default false: then
   * they are ordinary text, so that what a user typed can't forge a turn.
   */
  readonly special?: boolean
  /** Puts BOS first. Default false. */
  readonly bos?: boolean
}

export interface Tokenizer {
  /** Number of pieces; ids are 0 to size - 1. */
  readonly size: number
  readonly bos: number
  readonly eos: number
  /** Id of `<end_of_turn>`, on which chat models stop besides `eos`. */
  readonly endOfTurn: number | undefined
  /** Whether the vocabulary's maker wants BOS before a prompt. `encode` adds it only when asked. */
  readonly addBos: boolean
  /** Text to ids. Lone surrogates count as U+FFFD. Throws `tokenizer/bad-text`, `tokenizer/text-too-long`. */
  encode(text: string, options?: EncodeOptions): Int32Array
  /** Ids to text. Throws `tokenizer/bad-id`. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string
  /** The piece as tokenizer.json spells it, with U+2581 for a space. Throws `tokenizer/bad-id`. */
  piece(id: number): string
  /**
   * The bytes that the piece puts into a text: one for `<0xNN>`, UTF-8 with real spaces otherwise. Throws
   * `tokenizer/bad-id`.
   */
  bytes(id: number): Uint8Array
  /** True for markers: tokens of structure, which `skipSpecial` leaves out. */
  isControl(id: number): boolean
  /** Id of a piece, spelled with U+2581 or with spaces. */
  find(piece: string): number | undefined
  /** A decoder for ids that come one by one. */
  stream(options?: DecodeOptions): StreamDecoder
}

/** What a vocabulary's reader found out. */
export interface TokenizerParts {
  readonly vocabulary: Vocabulary
  /** The pieces as the raw text spells them. */
  readonly raw: PackedStrings
  /** A {@link ROLE} for each piece. */
  readonly roles: Uint8Array
  /** canMerge[id] = 1 for pieces that merging can make. */
  readonly canMerge: Uint8Array
  /** canStand[id] = 1 for pieces that a single character may become. */
  readonly canStand: Uint8Array
  readonly merges: Merges
  readonly bos: number
  readonly eos: number
  readonly addBos: boolean
}

/** In UTF-16 units. At most 1.1 GB of scratch, and some thirty times the longest context. */
const MAX_TEXT = 1 << 24
/** Scratch for texts up to this many bytes is kept between calls. */
const KEEP = 1 << 20
const END_OF_TURN = '<end_of_turn>'

export function createTokenizer(parts: TokenizerParts): Tokenizer {
  const { vocabulary, raw, roles, canMerge, canStand, merges, bos, eos, addBos } = parts
  const { size } = vocabulary
  const utf8 = new TextEncoder()

  const byteIds = new Int32Array(256)
  for (let value = 0; value < 256; value++) {
    const id = findPiece(vocabulary, byteName(value))
    const message = `the vocabulary has no byte piece ${byteName(value)}, without which it can't spell every text`
    check(id >= 0 && roles[id] === ROLE.byte, 'tokenizer/no-byte-pieces', message)
    byteIds[value] = id
  }

  const addedIds: number[] = []
  const isMarker = new Uint8Array(size)
  for (let id = 0; id < size; id++) {
    if (roles[id] === ROLE.marker) isMarker[id] = 1
    if (roles[id] === ROLE.marker || roles[id] === ROLE.added) addedIds.push(id)
  }
  const added = addedTokens(raw, addedIds, isMarker)
  const words = wordEncoder({ vocabulary, merges, canStand, byteIds, joins: collectJoins(vocabulary, canMerge) })
  const { decode, stream, bytes } = decoder(vocabulary, roles, byteIds)

  const find = (piece: string): number | undefined => {
    const id = findPiece(vocabulary, piece)
    return id < 0 ? undefined : id
  }

  let keptText = new Uint8Array(0)
  let keptIds = new Int32Array(1)
  /** Scratch for a text that takes `length` bytes at most, and as many ids besides BOS: no piece is made of nothing. */
  const scratch = (length: number): { source: Uint8Array<ArrayBuffer>; ids: Int32Array } => {
    if (length > KEEP) return { source: new Uint8Array(length), ids: new Int32Array(length + 1) }
    if (keptText.length < length) {
      keptText = new Uint8Array(length)
      keptIds = new Int32Array(length + 1)
    }
    return { source: keptText, ids: keptIds }
  }

  return {
    size, bos, eos, addBos, find, decode, stream, bytes,
    endOfTurn: find(END_OF_TURN),

    encode(text, { special = false, bos: withBos = false } = {}) {
      check(typeof text === 'string', 'tokenizer/bad-text', `expected a string, got ${typeof text}`)
      check(text.length <= MAX_TEXT, 'tokenizer/text-too-long', `${text.length} characters; the limit is ${MAX_TEXT}`)
      const { source, ids } = scratch(text.length * 3)
      const end = utf8.encodeInto(text, source).written
      const hasMeta = text.includes(META)
      let count = 0
      if (withBos) ids[count++] = bos

      const encodePlain = (from: number, to: number): void => {
        const last = hasMeta ? writeInner(source, from, to, source, from) : to
        count = words.encode(source, from, last, ids, count)
      }
      for (let at = 0; at < end; ) {
        const next = added.seek(source, at, end, special)
        if (at < next) encodePlain(at, next)
        if (next === end) break
        const id = added.match(source, next, end, special)
        ids[count++] = id
        at = next + added.lengths[id]
      }
      return ids.slice(0, count)
    },

    piece(id) {
      check(Number.isInteger(id) && id >= 0 && id < size, 'tokenizer/bad-id', () => `no piece ${id}: there are ${size}`)
      return spellPiece(vocabulary, id)
    },

    isControl: (id) => roles[id] === ROLE.marker,
  }
}
