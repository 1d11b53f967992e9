import type { Piece } from './pieces.js'

/** Spaces and line ends, that one would not see. */
const SHOWN: Readonly<Record<string, string>> = { ' ': '␣', '\n': '⏎', '\t': '⇥', '\r': '␍' }

/** A piece as it is shown: spaces and line ends by signs, a part of a character by its byte. */
export function shownPiece({ text, kind, bytes, spelling }: Piece): string {
  if (kind === 'special') return spelling
  const isPart = text.includes('\uFFFD') || (kind === 'byte' && (bytes[0] ?? 0) < 0x20 && !(text in SHOWN))
  if (isPart) return bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ')
  return Array.from(text, (character) => SHOWN[character] ?? character).join('')
}

/** What is said of a piece where there is room for a line. */
export const pieceTitle = ({ id, kind, bytes, spelling }: Piece): string =>
  kind === 'special'
    ? `special token ${spelling}, id ${id}`
    : `id ${id} · ${spelling} · ${bytes.length} byte${bytes.length === 1 ? '' : 's'}: ${hex(bytes)}`

const hex = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
