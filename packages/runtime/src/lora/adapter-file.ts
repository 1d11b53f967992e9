import { check, type PackedTensor } from '@g3/backend'
import { expectedTensors, type Gemma3Config } from '../config.js'
import { fieldsOf } from '../fields.js'
import { placeOf, tensorNamed, type Gguf } from '../gguf/index.js'

/** The two thin matrices beside one of the model's: W + scale · B · A. */
export interface AdapterPair {
  /** [rank, columns of W]; of the embedding, whose rows are looked up, [rows of W, rank] */
  readonly a: PackedTensor
  /** [rows of W, rank]; of the embedding [columns of W, rank] */
  readonly b: PackedTensor
  readonly rank: number
}

/** A LoRA adapter whose file was opened and checked against a model. Nothing of its tensors is read yet. */
export interface AdapterFile {
  /** What the file calls itself. */
  readonly name: string
  /** What B · A is multiplied by is alpha / rank; 1 where the file says no alpha. */
  readonly alpha: number
  /** By the name of the model's tensor. */
  readonly pairs: ReadonlyMap<string, AdapterPair>
}

/** The embedding's adapter holds its first matrix so that a token's row can be looked up. */
export const EMBEDDING = 'token_embd.weight'

const TARGET = /^(?:token_embd|blk\.\d+\.(?:attn_q|attn_k|attn_v|attn_output|ffn_gate|ffn_up|ffn_down))\.weight$/
const HALF = /^(.*)\.lora_([ab])$/

/** Far above what anybody trains; it bounds what is allocated for a file. */
const MOST_RANK = 4096

/** Names in a message. */
const MOST_NAMED = 5

/**
 * Checks an adapter as llama.cpp's `convert_lora_to_gguf.py` writes it: the keys of its header, the names of all its tensors,
 * and their shapes against the model's. Source: llama.cpp, `src/llama-adapter.cpp`.
 * @throws G3Error `lora/not-an-adapter`, `lora/unsupported`, `lora/other-model`, `lora/unknown-tensor`, `lora/unpaired`,
 * `lora/shape`, `lora/rank`; `gguf/bad-key`, `gguf/unsupported-type`
 */
export function readAdapter(gguf: Gguf, config: Gemma3Config): AdapterFile {
  const { metadata, source } = gguf
  const alpha = checkKeys(gguf)
  const shapes = new Map([...expectedTensors(config)].filter(([name]) => TARGET.test(name)))
  const names = [...gguf.tensors.keys(), ...gguf.unsupported.keys()]
  const targets = new Set<string>()
  const unknown: string[] = []
  for (const name of names) {
    const [, target] = HALF.exec(name) ?? []
    if (target !== undefined && shapes.has(target)) targets.add(target)
    else unknown.push(name)
  }
  check(
    unknown.length === 0,
    'lora/unknown-tensor',
    () =>
      `${source.name} adapts what this model has not, or what cannot be adapted: ${listed(unknown)}; ` +
      'an adapter of this model has the embedding and the projections of attention and feed-forward layers',
  )
  check(targets.size > 0, 'lora/not-an-adapter', () => `${source.name} has no tensors: convert the adapter again`)

  const pairs = new Map<string, AdapterPair>()
  for (const target of targets) pairs.set(target, pairOf(gguf, target, shapes.get(target) ?? []))
  const named = metadata.get('general.name')
  return { name: typeof named === 'string' && named !== '' ? named : source.name, alpha, pairs }
}

/** @returns alpha, 0 where there is none */
function checkKeys({ metadata, source }: Gguf): number {
  const { name } = source
  const fields = fieldsOf({ area: 'gguf', name, get: (key) => metadata.get(key) })
  const kind = fields.text('general.type')
  check(
    kind === 'adapter',
    'lora/not-an-adapter',
    () => `${name} is no adapter (general.type is ${kind ?? 'missing'}): convert one with convert_lora_to_gguf.py`,
  )
  const type = fields.text('adapter.type')
  check(
    type === 'lora',
    'lora/unsupported',
    () => `${name} is an adapter of type ${type ?? 'none'}; only lora is supported`,
  )
  check(
    !metadata.has('adapter.alora.invocation_tokens'),
    'lora/unsupported',
    () => `${name} is an activated LoRA, which acts on a part of a text only; take a plain one`,
  )
  const architecture = fields.text('general.architecture')
  check(
    architecture === 'gemma3',
    'lora/other-model',
    () => `${name} adapts a model of architecture ${architecture ?? 'unknown'}, this one is gemma3`,
  )
  return fields.real('adapter.lora.alpha', { least: -1e6, most: 1e6 }, 0)
}

/** @param shape of the model's matrix: columns, rows */
function pairOf(gguf: Gguf, target: string, [cols, rows]: readonly number[]): AdapterPair {
  const half = (letter: 'a' | 'b'): PackedTensor => {
    const name = `${target}.lora_${letter}`
    const place = placeOf(gguf, name)
    check(
      place !== undefined,
      'lora/unpaired',
      () => `${gguf.source.name} has only one of the two matrices for ${target}: ${name} is missing`,
    )
    check(
      place.shape.length <= 2,
      'lora/shape',
      () => `${name} has the shape ${place.shape.join(' x ')}; it must be a matrix`,
    )
    return tensorNamed(gguf, name)
  }
  const [a, b] = [half('a'), half('b')]
  const isEmbedding = target === EMBEDDING
  const rank = b.cols
  const fits = isEmbedding
    ? a.rows === rows && a.cols === rank && b.rows === cols
    : a.cols === cols && a.rows === rank && b.rows === rows
  check(fits, 'lora/shape', () => {
    const wanted = isEmbedding ? `${rows} x r and ${cols} x r` : `r x ${cols} and ${rows} x r`
    return (
      `the matrices for ${target} are ${a.rows} x ${a.cols} and ${b.rows} x ${b.cols}; this model needs ` +
      `${wanted} (rows x columns, with one rank r): the adapter is of another model, or not transposed`
    )
  })
  check(
    rank <= MOST_RANK,
    'lora/rank',
    () => `the matrices for ${target} have rank ${rank}; at most ${MOST_RANK} is supported`,
  )
  return { a, b, rank }
}

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMED
  return names.slice(0, MOST_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
