import { vocabulary, type Vocabulary } from '../mask/vocabulary.js'

const utf8 = new TextEncoder()

/** Pieces of JSON, words, spaces and half characters, besides the 256 bytes; the first one ends a text. */
const PIECES = [
  '"',
  '{"',
  '":',
  '": ',
  '", "',
  '"}',
  '},',
  '{}',
  '[]',
  '[1',
  ', ',
  ': "',
  'true',
  'false',
  'null',
  'na',
  'name',
  'me": ',
  '10',
  '0.5',
  'ab',
  'abc',
  'é',
  '日本',
  '日',
  '😀',
  ' the',
  ' a',
  '\\n',
  '\\"',
  '\\',
  '\n',
  '  ',
  '-1',
  '.0',
  'e+',
  'x',
  'aaaaaaaa',
  'a", "b',
  ']}',
  '"]',
]

/** A vocabulary small enough to be tried token by token: the end mark, all bytes, and pieces. */
export function testVocabulary(): Vocabulary {
  const bytes = [
    new Uint8Array(0),
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    ...PIECES.map((piece) => utf8.encode(piece)),
  ]
  return vocabulary({ size: bytes.length, bytes: (id) => bytes[id], ends: [0] })
}

/** The token of a piece of {@link testVocabulary}. */
export const tokenOf = (piece: string): number => 257 + PIECES.indexOf(piece)
