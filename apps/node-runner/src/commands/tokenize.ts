import { createInterface } from 'node:readline'
import { G3Error } from '@g3/backend'
import { readGguf, tokenizerFields } from '@g3/runtime/gguf'
import { tokenizerFromGguf, type Tokenizer } from '@g3/tokenizer'
import { onInterrupt } from '../interrupt.js'
import { findModel, openModelFile } from '../loading.js'
import { print, printJson } from '../output.js'
import { readStdin } from '../stdin.js'

export interface TokenizeOptions {
  readonly model?: string
  readonly special?: boolean
  readonly json?: true
  readonly lines?: true
}

/** Reads no more of a model than its header. */
export async function openTokenizer(model: string | undefined, signal: AbortSignal): Promise<Tokenizer> {
  const { path } = await findModel(model, signal)
  const source = await openModelFile(path)
  try {
    return tokenizerFromGguf(tokenizerFields(await readGguf(source, { signal })))
  } finally {
    await source.close?.()
  }
}

/** `g3 tokenize`: stdin to ids, exactly as it is, the last newline included. */
export async function tokenize({ model, special = false, json, lines }: TokenizeOptions): Promise<void> {
  using interrupt = onInterrupt()
  const tokenizer = await openTokenizer(model, interrupt.signal)
  if (lines) return tokenizeLines(tokenizer, special)
  const ids = tokenizer.encode(await readStdin(), { special })
  if (json) return printJson({ ids: Array.from(ids), tokens: Array.from(ids, (id) => tokenizer.piece(id)) })
  let table = ''
  for (const id of ids) table += `${String(id).padStart(6)}  ${JSON.stringify(tokenizer.piece(id))}\n`
  await print(table)
}

/** Lines are written together, since each write is a system call. */
const BATCH = 64 << 10

async function tokenizeLines(tokenizer: Tokenizer, special: boolean): Promise<void> {
  let number = 0
  let batch = ''
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    number++
    batch += `[${tokenizer.encode(parseLine(line, number), { special }).join(',')}]\n`
    if (batch.length < BATCH) continue
    await print(batch)
    batch = ''
  }
  await print(batch)
}

function parseLine(line: string, number: number): string {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new G3Error('cli/bad-line', `line ${number} of stdin is not JSON: each line is a JSON string`, { cause })
  }
  if (typeof value === 'string') return value
  throw new G3Error('cli/bad-line', `line ${number} of stdin is JSON but no string`)
}
