import type { Languages } from '../regular/languages.js'
import { EMPTY, type Language } from '../regular/node.js'
import { isList, isObject, type Json } from './json.js'
import { spacing as spacingOf, type Spacing, type Whitespace } from './spacing.js'

/** One of several texts; common beginnings are read once. */
export function oneOf(languages: Languages, texts: readonly string[]): Language {
  const utf8 = new TextEncoder()
  const branch = (words: readonly Uint8Array[], at: number): Language => {
    const byFirst = Map.groupBy(words, (word) => word[at])
    return languages.union(
      [...byFirst].map(([byte, group]) => {
        if (byte === undefined) return EMPTY
        if (group.length === 1)
          return languages.sequence(...Array.from(group[0].subarray(at), (one) => languages.single(one)))
        return languages.sequence(languages.single(byte), branch(group, at + 1))
      }),
    )
  }
  return branch(
    [...new Set(texts)].map((text) => utf8.encode(text)),
    0,
  )
}

/** A value as the constraint would have it written. */
export function written(value: Json, spacing: Spacing): string {
  const { comma, colon, words } = spacing
  if (isList(value)) return `[${value.map((item) => written(item, spacing)).join(comma)}]`
  if (value === null) return words.null
  if (typeof value === 'boolean') return value ? words.true : words.false
  if (!isObject(value)) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([name, item]) => `${JSON.stringify(name)}${colon}${written(item, spacing)}`)
    .join(comma)}}`
}

/** A value of JSON as a constraint would have it written, but for the order of members. */
export const spellJson = (value: unknown, whitespace: Whitespace = 'single'): string =>
  written(JSON.parse(JSON.stringify(value)), spacingOf(whitespace))
