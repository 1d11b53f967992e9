import { check } from './errors.js'
import { extend, slotOf } from './hash.js'
import { isUtf8 } from './utf8.js'

/** Strings in one byte array, as a GGUF holds them: string i = bytes[starts[i] .. starts[i] + lengths[i]), UTF-8. */
export interface PackedStrings {
  readonly bytes: Uint8Array
  readonly starts: Uint32Array
  readonly lengths: Uint32Array
}

/**
 * All pieces as bytes, with a hash table from bytes to id. Pieces are held in *inner form*: U+2581, the sign that stands for
 * a space in pieces, is stored as a space. Text then needs no rewriting, and pieces are output text.
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

/** Piece numbers and text positions are packed into one double in the merge queue: 2^21 · 2^32 stays exact. */
const MAX_PIECES = 1 << 21
const MAX_PIECE_BYTES = 1024
/** The table is at most half full, so probes stay short; only a vocabulary made to collide reaches this. */
const MAX_PROBES = 512
const SPACE = 0x20
/** What pieces have for a space. */
export const META = '\u2581'

/** Writes source[start .. end) to target[at ..) with U+2581 (e2 96 81) as a space; returns the end. May work in place. */
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
export const spellPiece = ({ bytes, offsets }: Vocabulary, id: number): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(offsets[id], offsets[id + 1])).replaceAll(' ', META)

/** Checks packed pieces and indexes them. Throws `tokenizer/bad-vocabulary` or `tokenizer/vocabulary-too-large`. */
export function indexVocabulary(pieces: PackedStrings): Vocabulary {
  const { bytes, offsets, longestBytes } = copyPieces(pieces)
  const size = offsets.length - 1
  const bits = Math.max(4, 33 - Math.clz32(Math.max(1, size)))
  const shift = 32 - bits
  const mask = 2 ** bits - 1
  // Two numbers a slot: the full hash, and the id + 1 (0 = free).
  const slots = new Int32Array(2 << bits)

  const find = (source: Uint8Array, start: number, end: number, hash: number): number => {
    let slot = slotOf(hash, shift)
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const entry = slots[2 * slot + 1]
      if (entry === 0) return -1
      if (slots[2 * slot] === hash && equals(entry - 1, source, start, end)) return entry - 1
      slot = (slot + 1) & mask
    }
    return -1
  }
  const equals = (id: number, source: Uint8Array, start: number, end: number): boolean => {
    const offset = offsets[id]
    if (offsets[id + 1] - offset !== end - start) return false
    for (let i = start, j = offset; i < end; i++, j++) if (source[i] !== bytes[j]) return false
    return true
  }

  for (let id = 0; id < size; id++) {
    const start = offsets[id]
    const end = offsets[id + 1]
    if (start === end) continue
    let hash = 0
    for (let i = start; i < end; i++) hash = extend(hash, bytes[i])
    let slot = slotOf(hash, shift)
    let probes = 0
    while (slots[2 * slot + 1] !== 0 && !(slots[2 * slot] === hash && equals(slots[2 * slot + 1] - 1, bytes, start, end))) {
      check(++probes < MAX_PROBES, 'tokenizer/bad-vocabulary', 'too many pieces share a hash: not a vocabulary of text')
      slot = (slot + 1) & mask
    }
    if (slots[2 * slot + 1] !== 0) continue
    slots[2 * slot] = hash
    slots[2 * slot + 1] = id + 1
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
