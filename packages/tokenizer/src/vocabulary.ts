import { check } from './errors.js'
import { extend, MAX_PROBES, spread, tableBits } from './hash.js'
import { isUtf8 } from './utf8.js'

/** Strings in one byte array, as a GGUF holds them: string i = bytes[starts[i] .. starts[i] + lengths[i]), UTF-8. */
export interface PackedStrings {
  readonly bytes: Uint8Array
  readonly starts: Uint32Array
  readonly lengths: Uint32Array
}

/**
 * All pieces as bytes, with a hash table from bytes to id. Pieces are held in *inner form*: U+2581, the sign that
 * stands for a space in pieces, is stored as a space. Text then needs no rewriting, and pieces are output text.
 */
export interface Vocabulary {
  readonly size: number
  /** Piece id = bytes[offsets[id] .. offsets[id + 1]). */
  readonly bytes: Uint8Array
  readonly offsets: Uint32Array
  readonly longestBytes: number
  /** Id of source[start .. end) with this hash, or -1. Of equal pieces the lowest id is found; empty ones never are. */
  find(source: Uint8Array, start: number, end: number, hash: number): number
}

/**
 * Ids + 1 take 21 bits of a slot. Piece numbers and text positions are also packed into one double in the merge queue,
 * where 2^21 · 2^32 stays exact.
 */
const ID_BITS = 21
const ID_MASK = 2 ** ID_BITS - 1
const MAX_PIECES = ID_MASK
const MAX_PIECE_BYTES = 1024
const SPACE = 0x20
/** What pieces have for a space. */
export const META = '\u2581'

/**
 * Writes source[start .. end) to target[at ..) with U+2581 (e2 96 81) as a space; returns the end. May work in place.
 */
export function writeInner(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  while (start < end) {
    const byte = source[start]
    if (byte === 0xe2 && start + 2 < end && source[start + 1] === 0x96 && source[start + 2] === 0x81) {
      target[at++] = SPACE
      start += 3
    } else {
      target[at++] = byte
      start++
    }
  }
  return at
}

/** Id of a piece given as a string, spelled with U+2581 or with spaces; -1 where there is none. */
export function findPiece(vocabulary: Vocabulary, piece: string): number {
  const bytes = new TextEncoder().encode(piece)
  const end = writeInner(bytes, 0, bytes.length, bytes, 0)
  let hash = 0
  for (let i = 0; i < end; i++) hash = extend(hash, bytes[i])
  return vocabulary.find(bytes, 0, end, hash)
}

/** A piece as a string, with U+2581 for a space. */
export function spellPiece({ bytes, offsets }: Vocabulary, id: number): string {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  return utf8.decode(bytes.subarray(offsets[id], offsets[id + 1])).replaceAll(' ', META)
}

/** Checks packed pieces and indexes them. Throws `tokenizer/bad-vocabulary` or `tokenizer/vocabulary-too-large`. */
export function indexVocabulary(pieces: PackedStrings): Vocabulary {
  const { bytes, offsets, longestBytes } = copyPieces(pieces)
  const size = offsets.length - 1
  const shift = 32 - tableBits(size)
  const mask = 2 ** (32 - shift) - 1
  // A slot holds id + 1 (0 = free) under a tag of 11 bits of the hash, so that a look-up in vain rarely reads the
  // pieces.
  const slots = new Int32Array(mask + 1)

  const equals = (id: number, source: Uint8Array, start: number, end: number): boolean => {
    const offset = offsets[id]
    if (offsets[id + 1] - offset !== end - start) return false
    for (let i = start, j = offset; i < end; i++, j++) if (source[i] !== bytes[j]) return false
    return true
  }
  const find = (source: Uint8Array, start: number, end: number, hash: number): number => {
    const spreadHash = spread(hash)
    const tag = spreadHash << ID_BITS
    let slot = spreadHash >>> shift
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const entry = slots[slot]
      if (entry === 0) return -1
      if (((entry ^ tag) & ~ID_MASK) === 0) {
        const id = (entry & ID_MASK) - 1
        if (equals(id, source, start, end)) return id
      }
      slot = (slot + 1) & mask
    }
    return -1
  }

  for (let id = 0; id < size; id++) {
    const start = offsets[id]
    const end = offsets[id + 1]
    let hash = 0
    for (let i = start; i < end; i++) hash = extend(hash, bytes[i])
    if (start === end || find(bytes, start, end, hash) >= 0) continue
    const spreadHash = spread(hash)
    let slot = spreadHash >>> shift
    for (let probes = 0; slots[slot] !== 0; probes++) {
      const message = 'too many pieces share a hash: this was made to be slow'
      check(probes < MAX_PROBES - 1, 'tokenizer/bad-vocabulary', message)
      slot = (slot + 1) & mask
    }
    slots[slot] = (spreadHash << ID_BITS) | (id + 1)
  }
  return { size, bytes, offsets, longestBytes, find }
}

function copyPieces({ bytes, starts, lengths }: PackedStrings) {
  const size = starts.length
  check(size > 0, 'tokenizer/bad-vocabulary', 'the vocabulary has no pieces')
  check(size <= MAX_PIECES, 'tokenizer/vocabulary-too-large', `${size} pieces; at most ${MAX_PIECES} are supported`)
  check(lengths.length === size, 'tokenizer/bad-vocabulary', `${size} starts of pieces but ${lengths.length} lengths`)
  // Pieces that overlap could make a small file claim any amount of memory.
  let total = 0
  for (let id = 0; id < size; id++) total += lengths[id]
  check(total <= bytes.length, 'tokenizer/bad-vocabulary', `pieces of ${total} bytes in a table of ${bytes.length}`)

  const inner = new Uint8Array(total)
  const offsets = new Uint32Array(size + 1)
  let longestBytes = 0
  let at = 0
  for (let id = 0; id < size; id++) {
    const start = starts[id]
    const end = start + lengths[id]
    check(end <= bytes.length, 'tokenizer/bad-vocabulary', () => `piece ${id} lies outside the table`)
    check(lengths[id] <= MAX_PIECE_BYTES, 'tokenizer/bad-vocabulary', () => `piece ${id} has ${lengths[id]} bytes`)
    const from = at
    at = writeInner(bytes, start, end, inner, at)
    check(isUtf8(inner, from, at), 'tokenizer/bad-vocabulary', () => `piece ${id} is not valid UTF-8`)
    if (at - from > longestBytes) longestBytes = at - from
    offsets[id + 1] = at
  }
  return { bytes: inner.subarray(0, at), offsets, longestBytes }
}
