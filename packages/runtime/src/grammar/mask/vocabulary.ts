import { check } from '@g3/backend'
import { plainLength } from './plain.js'
import { trie, type Trie } from './trie.js'

/** What a model's tokens write. */
export interface Vocabulary {
  /** Ids are 0 to size - 1. */
  readonly size: number
  /** Words of 32 bits in a mask. */
  readonly words: number
  /** The bytes of a token; undefined for tokens that never write text. */
  bytes(id: number): Uint8Array | undefined
  /** Tokens that end a text. */
  readonly ends: readonly number[]
  /** Text to ids, as the model knows it best. */
  readonly encode: ((text: string) => ArrayLike<number>) | undefined
  readonly trie: Trie
  /** [words]: tokens of 1 to `most` plain characters, which all strings allow alike; made once for each length. */
  plain(most: number): Uint32Array
}

export interface VocabularyParts {
  readonly size: number
  /** The bytes that a token puts into a text; undefined (or none) for control tokens. */
  readonly bytes: (id: number) => Uint8Array | undefined
  /** Tokens that end a text: allowed when it is complete. */
  readonly ends: readonly number[]
  /** Gives forced text the tokens that the model is used to. Without it the longest pieces are taken. */
  readonly encode?: (text: string) => ArrayLike<number>
}

/** The part of a tokenizer that {@link tokenizerVocabulary} reads. */
export interface TokenizerLike {
  readonly size: number
  readonly eos: number
  readonly endOfTurn: number | undefined
  bytes(id: number): Uint8Array
  piece(id: number): string
  isControl(id: number): boolean
  encode(text: string): ArrayLike<number>
}

/** Indexes pieces: 262,144 of them in half a second, in 15 MB. @throws G3Error `grammar/bad-vocabulary` */
export function vocabulary({ size, bytes, ends, encode }: VocabularyParts): Vocabulary {
  check(
    Number.isSafeInteger(size) && size > 0 && size < 2 ** 24,
    'grammar/bad-vocabulary',
    `a vocabulary of ${size} tokens; 1 to 16,777,215 are supported`,
  )
  const outside = ends.find((id) => !(Number.isInteger(id) && id >= 0 && id < size))
  check(outside === undefined, 'grammar/bad-vocabulary', `token ${outside} ends a text but is not in the vocabulary`)
  const isEnd = new Set(ends)
  const textOf = (id: number): Uint8Array | undefined => (isEnd.has(id) ? undefined : bytes(id))
  const words = Math.ceil(size / 32)
  const lengths = new Uint8Array(size)
  const index = trie(
    size,
    (id) => {
      const piece = textOf(id)
      if (piece) lengths[id] = plainLength(piece)
      return piece
    },
    lengths,
  )
  const masks = new Map<number, Uint32Array>()
  return {
    size,
    words,
    ends,
    encode,
    trie: index,
    bytes: textOf,
    plain(most) {
      const known = masks.get(most)
      if (known) return known
      const mask = new Uint32Array(words)
      for (let id = 0; id < size; id++) if (lengths[id] > 0 && lengths[id] <= most) mask[id >> 5] |= 1 << (id & 31)
      masks.set(most, mask)
      return mask
    },
  }
}

/** Placeholders of Gemma's vocabulary that tokenizers do not flag as control tokens. */
const PLACEHOLDER = /^(?:<(?:mask|unused\d+)>|\[multimodal\])$/

/** A tokenizer's vocabulary: its control tokens never come, and its end marks when a text is complete. */
export function tokenizerVocabulary(tokenizer: TokenizerLike): Vocabulary {
  const { size, eos, endOfTurn } = tokenizer
  return vocabulary({
    size,
    bytes: (id) => (tokenizer.isControl(id) || PLACEHOLDER.test(tokenizer.piece(id)) ? undefined : tokenizer.bytes(id)),
    ends: endOfTurn === undefined ? [eos] : [eos, endOfTurn],
    encode: (text) => tokenizer.encode(text),
  })
}
