import { readFile, stat } from 'node:fs/promises'
import { G3Error } from '@g3/backend'
import { onInterrupt } from '../interrupt.js'
import { loadForCommand } from '../loading.js'
import type { ModelOptions } from '../options.js'
import { print, printJson } from '../output.js'
import { logSumExp, topOf } from '../scores.js'
import { decodeUtf8 } from '../stdin.js'
import { table } from '../table.js'
import { openTokenizer } from './tokenize.js'

export interface LogitsOptions extends ModelOptions {
  readonly text?: string
  readonly idsFile?: string
  readonly top: number
  readonly all?: true
  readonly json?: true
}

/** A file of ids for the longest context has about 1 MB. */
const MOST_FILE_BYTES = 16 << 20

/** `g3 logits`: scores of the next token, and with `--all` how well the model foresaw each given one. */
export async function logits(options: LogitsOptions): Promise<void> {
  const { text, idsFile } = options
  if ((text === undefined) === (idsFile === undefined)) {
    throw new G3Error('cli/usage', 'give either --text or --ids-file')
  }
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const ids =
    idsFile === undefined
      ? (await openTokenizer(options.model, signal)).encode(text ?? '', { bos: true })
      : parseIds(await readIdsFile(idsFile), idsFile)
  await using loaded = await loadForCommand({ ...options, context: ids.length }, signal)
  const { model } = loaded
  checkVocabulary(ids, model.config.vocab)

  let last: Float32Array
  const nll: number[] = []
  if (options.all) {
    last = new Float32Array(model.config.vocab)
    await model.scores(
      ids,
      (position, scores) => {
        if (position + 1 < ids.length) nll.push(logSumExp(scores) - scores[ids[position + 1]])
        else last.set(scores)
      },
      { signal },
    )
  } else last = await model.logits(ids, { signal })

  const top = topOf(last, options.top)
  const logsumexp = logSumExp(last)
  if (options.json) return printJson({ top, logsumexp, ids: Array.from(ids), ...(options.all && { nll }) })
  const rows = top.map(([id, logit]) => {
    const share = (Math.exp(logit - logsumexp) * 100).toFixed(2)
    return [String(id), logit.toFixed(4), `${share} %`, JSON.stringify(model.tokenizer.piece(id))]
  })
  await print(table(['id', 'logit', 'share', 'token'], rows, [0, 1, 2]))
  await print(`logsumexp ${logsumexp.toFixed(4)} after ${ids.length} tokens\n`)
  if (options.all && nll.length > 0) {
    const mean = nll.reduce((sum, value) => sum + value, 0) / nll.length
    await print(`mean nll ${mean.toFixed(5)}, perplexity ${Math.exp(mean).toFixed(4)}\n`)
  }
}

async function readIdsFile(path: string): Promise<string> {
  const failed = (cause: NodeJS.ErrnoException): never => {
    if (cause.code === 'ENOENT') throw new G3Error('cli/missing-file', `there is no file ${path}`, { cause })
    throw new G3Error('cli/unreadable-file', `${path} cannot be read: ${cause.message}`, { cause })
  }
  const { size } = await stat(path).catch(failed)
  if (size > MOST_FILE_BYTES)
    throw new G3Error('cli/bad-ids', `${path} has ${size} bytes, more than ids for any context need`)
  return decodeUtf8(await readFile(path).catch(failed), path)
}

/** @throws G3Error `cli/bad-ids` unless `json` is a non-empty array of whole numbers */
function parseIds(json: string, path: string): Int32Array {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw new G3Error('cli/bad-ids', `${path} is not JSON: it must hold an array of ids such as [2, 818]`, { cause })
  }
  const isIds = (candidate: unknown): candidate is number[] =>
    Array.isArray(candidate) &&
    candidate.length > 0 &&
    candidate.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 31)
  if (isIds(value)) return Int32Array.from(value)
  throw new G3Error('cli/bad-ids', `${path} must hold a non-empty JSON array of ids such as [2, 818]`)
}

function checkVocabulary(ids: Int32Array, size: number): void {
  const strange = ids.find((id) => id >= size)
  if (strange !== undefined)
    throw new G3Error('cli/bad-ids', `id ${strange} is not in this model's vocabulary of ${size}`)
}
