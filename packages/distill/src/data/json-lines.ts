import { G3Error } from '@g3/backend'

export type JsonRow = Readonly<Record<string, unknown>>

/** A file's lines of JSON, each with the words that name it in errors. */
export interface NamedRow {
  readonly row: JsonRow
  readonly where: string
}

/**
 * The objects of a JSONL text; empty lines are left out.
 * @param name of the file, for errors
 * @throws G3Error `distill/bad-data`
 */
export function jsonLines(text: string, name: string): readonly NamedRow[] {
  const rows: NamedRow[] = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const where = `line ${at + 1} of ${name}`
    rows.push({ row: objectOf(line, where), where })
  }
  if (rows.length === 0)
    throw new G3Error('distill/bad-data', `${name} has no lines: it must hold a JSON object a line`)
  return rows
}

function objectOf(line: string, where: string): JsonRow {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new G3Error('distill/bad-data', `${where} is not JSON: each line must be a whole object`, { cause })
  }
  if (!isRow(value)) throw new G3Error('distill/bad-data', `${where} is no JSON object`)
  return value
}

export const isRow = (value: unknown): value is JsonRow =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A field that is text. @throws G3Error `distill/bad-data` */
export function textField({ row, where }: NamedRow, field: string): string {
  const value = row[field]
  if (typeof value !== 'string') throw new G3Error('distill/bad-data', `${where}: ${field} must be a text`)
  return value
}

/** A field that is a list of texts. @throws G3Error `distill/bad-data` */
export function textsField({ row, where }: NamedRow, field: string): readonly string[] {
  const value = row[field]
  const isTexts = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string')
  if (!isTexts) throw new G3Error('distill/bad-data', `${where}: ${field} must be a list of texts`)
  return value
}
