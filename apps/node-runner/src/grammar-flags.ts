import { readFile } from 'node:fs/promises'
import { G3Error } from '@g3/backend'
import { compileGbnf, compileRegex, compileSchema, type Grammar } from '@g3/runtime/grammar'
import { decodeUtf8 } from './stdin.js'

/** What the text of `g3 run` is held to; at most one of them. */
export interface GrammarFlags {
  /** Path of a JSON Schema. */
  readonly schema?: string
  readonly regex?: string
  /** Path of a grammar in GBNF. */
  readonly grammar?: string
}

/** @throws G3Error `cli/…` for files, `grammar/…` for what is in them */
export async function grammarOf({ schema, regex, grammar }: GrammarFlags): Promise<Grammar | undefined> {
  if (schema !== undefined) return compileSchema(await readJson(schema))
  if (regex !== undefined) return compileRegex(regex)
  return grammar === undefined ? undefined : compileGbnf(await readText(grammar))
}

/** @throws G3Error `cli/missing-file`, `cli/unreadable-file`, `cli/bad-utf8`, `cli/bad-json` */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new G3Error('cli/bad-json', `${path} is not JSON: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new G3Error('cli/missing-file', `there is no file ${path}`, { cause })
    throw new G3Error('cli/unreadable-file', `${path} cannot be read: ${cause.message}`, { cause })
  })
  return decodeUtf8(bytes, path)
}
