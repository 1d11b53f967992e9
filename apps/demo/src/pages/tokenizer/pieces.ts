import type { Tokenizer } from '@g3/tokenizer'
import type { LabCall, LabModel, LabWorker } from '../../lab/calls.js'
import { SAMPLES, type Sample } from './samples.js'

export interface Piece {
  readonly id: number
  /** As the vocabulary spells it, with ▁ for a space. */
  readonly spelling: string
  /** What it puts into the text; � for a part of a character. */
  readonly text: string
  readonly bytes: readonly number[]
  readonly kind: 'text' | 'byte' | 'special'
}

export interface Cut {
  readonly pieces: readonly Piece[]
  /** Units that people count: letters with their accents, emoji. */
  readonly characters: number
  readonly bytes: number
}

export interface LanguageCost extends Sample {
  readonly tokens: number
  readonly characters: number
}

export interface Pieces {
  /** Pieces of the vocabulary. */
  readonly vocabulary: number
  readonly cuts: readonly Cut[]
  readonly languages: readonly LanguageCost[]
}

export type PiecesCall = LabCall<
  { readonly model: LabModel; readonly texts: readonly string[]; readonly special: boolean; readonly bos: boolean },
  Pieces
>

/** A byte piece's name, as SentencePiece has it. */
const IS_BYTE = /^<0x[0-9A-F]{2}>$/

/** Texts as a model's tokenizer cuts them. */
export function cutText(tokenizer: Tokenizer, text: string, options: { special: boolean; bos: boolean }): Cut {
  const utf8 = new TextDecoder()
  const pieces = Array.from(tokenizer.encode(text, options), (id): Piece => {
    const spelling = tokenizer.piece(id)
    const isSpecial = tokenizer.isControl(id)
    const bytes = isSpecial ? [] : Array.from(tokenizer.bytes(id))
    const kind = isSpecial ? 'special' : IS_BYTE.test(spelling) ? 'byte' : 'text'
    return { id, spelling, text: isSpecial ? spelling : utf8.decode(Uint8Array.from(bytes)), bytes, kind }
  })
  return { pieces, characters: countCharacters(text), bytes: new TextEncoder().encode(text).length }
}

/** The same sentence in each language, the cheapest first. */
export const languageCosts = (tokenizer: Tokenizer): readonly LanguageCost[] =>
  SAMPLES.map((sample) => ({
    ...sample,
    tokens: tokenizer.encode(sample.text).length,
    characters: countCharacters(sample.text),
  })).sort((a, b) => a.tokens - b.tokens)

export const countCharacters = (text: string): number => Array.from(new Intl.Segmenter().segment(text)).length

export const pieces: LabWorker<PiecesCall> =
  ({ opened }) =>
  async ({ model, texts, special, bos }) => {
    const { tokenizer } = await opened(model)
    return {
      vocabulary: tokenizer.size,
      cuts: texts.map((text) => cutText(tokenizer, text, { special, bos })),
      languages: languageCosts(tokenizer),
    }
  }
