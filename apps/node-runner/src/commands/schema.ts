import { isG3Error } from '@g3/backend'
import {
  compileSchema,
  constraints,
  spellJson,
  tokenizerVocabulary,
  type Constraints,
  type Grammar,
} from '@g3/runtime/grammar'
import type { Tokenizer } from '@g3/tokenizer'
import { readJson } from '../grammar-flags.js'
import { onInterrupt } from '../interrupt.js'
import { print, printJson } from '../output.js'
import { table } from '../table.js'
import { openTokenizer } from './tokenize.js'

export interface SchemaFlags {
  readonly model?: string
  readonly json?: true
}

interface InstanceReport {
  readonly file: string
  readonly accepted: boolean
  /** Of finding the tokens that may come, in microseconds, with caches that have seen the instance once. */
  readonly maxMaskUs: number
  readonly meanMaskUs: number
}

interface SchemaReport {
  readonly supported: boolean
  readonly reason?: string
  readonly compileMs: number
  readonly instances: readonly InstanceReport[]
}

/**
 * `g3 schema check FILE [INSTANCE…]`: whether a schema can be enforced, and whether the constraint accepts instances token
 * by token. Members may come in any order; spaces and escapes are put into the constraint's form first.
 */
export async function checkSchema(
  file: string,
  instances: readonly string[],
  { model, json }: SchemaFlags,
): Promise<void> {
  using interrupt = onInterrupt()
  const schema = await readJson(file)
  const values = await Promise.all(instances.map(readJson))
  const start = performance.now()
  const compiled = compile(schema)
  const compileMs = round(performance.now() - start)
  const report = async (): Promise<SchemaReport> => {
    if ('reason' in compiled) return { supported: false, reason: compiled.reason, compileMs, instances: [] }
    if (instances.length === 0) return { supported: true, compileMs, instances: [] }
    const tokenizer = await openTokenizer(model, interrupt.signal)
    const held = constraints(compiled.grammar, tokenizerVocabulary(tokenizer))
    return {
      supported: true,
      compileMs,
      instances: instances.map((name, i) => checked(name, values[i], held, tokenizer)),
    }
  }
  const result = await report()
  await (json ? printJson({ ...result }) : print(page(file, result)))
}

type Compiled = { readonly grammar: Grammar } | { readonly reason: string }

function compile(schema: unknown): Compiled {
  try {
    return { grammar: compileSchema(schema, { order: 'any' }) }
  } catch (error) {
    if (isG3Error(error) && error.code.startsWith('grammar/')) return { reason: `${error.message} (${error.code})` }
    throw error
  }
}

function checked(file: string, value: unknown, held: Constraints, tokenizer: Tokenizer): InstanceReport {
  const ids = tokenizer.encode(spellJson(value))
  follow(held, ids)
  const { accepted, times } = follow(held, ids)
  const sum = times.reduce((all, time) => all + time, 0)
  return { file, accepted, maxMaskUs: round(Math.max(...times)), meanMaskUs: round(sum / times.length) }
}

/** Goes along a text as far as it is allowed, with the time of each mask in microseconds. */
function follow({ start, vocabulary }: Constraints, ids: Int32Array): { accepted: boolean; times: number[] } {
  const constraint = start()
  const mask = new Uint32Array(vocabulary.words)
  const times: number[] = []
  for (const id of ids) {
    const before = performance.now()
    constraint.mask(mask)
    times.push((performance.now() - before) * 1000)
    if (((mask[id >> 5] >>> (id & 31)) & 1) === 0) return { accepted: false, times }
    constraint.accept(id)
  }
  return { accepted: constraint.isComplete(), times }
}

function page(file: string, { supported, reason, compileMs, instances }: SchemaReport): string {
  if (!supported) return `${file} cannot be enforced: ${reason}\n`
  const head = `${file} can be enforced; compiled in ${compileMs} ms\n`
  if (instances.length === 0) return head
  const rows = instances.map((one) => [
    one.file,
    one.accepted ? 'accepted' : 'refused',
    String(one.meanMaskUs),
    String(one.maxMaskUs),
  ])
  return `${head}${table(['instance', 'verdict', 'mask, mean us', 'most'], rows, [2, 3])}`
}

const round = (value: number): number => Math.round(value * 100) / 100
