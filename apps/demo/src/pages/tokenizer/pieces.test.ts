import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { openModel } from '@g3/runtime'
import { shownPiece } from './piece-text.js'
import { countCharacters, cutText, languageCosts } from './pieces.js'

const FILE = fileURLToPath(new URL('../../../../node-runner/assets/tiny-vision/tiny-vision-f16.gguf', import.meta.url))
const { tokenizer } = await openModel(new Uint8Array(readFileSync(FILE)))
const cut = (text: string, special = true) => cutText(tokenizer, text, { special, bos: false })

it('cuts a text into pieces that give the text back', () => {
  const text = 'a yellow heart – 🎉\n'
  const { pieces, characters, bytes } = cut(text)
  expect(new TextDecoder().decode(Uint8Array.from(pieces.flatMap((piece) => piece.bytes)))).toBe(text)
  expect([characters, bytes]).toEqual([19, 24])
  expect(pieces.some(({ kind }) => kind === 'byte')).toBe(true)
})

it('tells a marker from the same letters that somebody wrote', () => {
  const [marker, ...others] = cut('<start_of_turn>').pieces
  expect(others).toEqual([])
  expect([marker?.kind, marker && shownPiece(marker)]).toEqual(['special', '<start_of_turn>'])
  expect(cut('<start_of_turn>', false).pieces.every(({ kind }) => kind !== 'special')).toBe(true)
})

it('shows what one would not see, and parts of characters by their bytes', () => {
  expect(cut('a heart').pieces.map(shownPiece).join('')).toBe('a␣heart')
  expect(cut('🎉').pieces.map(shownPiece)).toEqual(['F0', '9F', '8E', '89'])
})

it('ranks languages by what they cost, and counts letters as people do', () => {
  const costs = languageCosts(tokenizer)
  expect(costs.map(({ tokens }) => tokens)).toEqual(costs.map(({ tokens }) => tokens).sort((a, b) => a - b))
  expect(costs.every(({ tokens, text }) => tokens === tokenizer.encode(text).length)).toBe(true)
  expect(countCharacters('e\u0301👩‍👩‍👧')).toBe(2)
})
