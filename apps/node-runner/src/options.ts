import { CACHE_TYPES, type CacheType } from '@g3/backend'
import type { OverflowPolicy } from '@g3/runtime'
import type { BackendName } from '@g3/runtime/auto'
import { InvalidArgumentError, Option } from 'commander'

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

/** Parses a number in [least, most]; anything else is wrong usage. */
export function realNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = NUMBER.test(text) ? Number(text) : NaN
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(`It must be a number ${range(least, most)}.`)
    return value
  }
}

/** Parses a whole number in [least, most]. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\+?\d+$/.test(text) ? Number(text) : NaN
    if (!(value >= least && value <= most))
      throw new InvalidArgumentError(`It must be a whole number ${range(least, most)}.`)
    return value
  }
}

/** Parses whole numbers in [least, most] with commas between them, at most `count`: in rising order, each once. */
export function wholeNumbers(least: number, most: number, count: number): (text: string) => number[] {
  const parse = wholeNumber(least, most)
  return (text) => {
    const numbers = [...new Set(text.split(',').map((item) => parse(item.trim())))].sort((a, b) => a - b)
    if (numbers.length > count) throw new InvalidArgumentError(`It must be ${count} numbers at most.`)
    return numbers
  }
}

const UNITS = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }
const UNIT = new Map(Object.entries(UNITS).map(([unit, bytes]) => [unit.toLowerCase(), bytes]))

/** Parses a number of bytes with a unit, such as 4GiB or 500MB. */
export function byteCount(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,15}(?:\.\d{1,15})?) ?([a-z]{1,3})$/i.exec(text) ?? []
  const bytes = Math.floor(Number(digits) * (UNIT.get(unit.toLowerCase()) ?? NaN))
  if (digits === '' || !Number.isSafeInteger(bytes))
    throw new InvalidArgumentError('It must be a size such as 4GiB or 500MB.')
  return bytes
}

function range(least: number, most: number): string {
  return most === Infinity || most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`
}

/** An adapter's file, and how much of it is added. */
export interface AdapterFlag {
  readonly path: string
  readonly scale: number
}

/** Adds one `FILE[=SCALE]` to those before. What follows the last `=` is a scale only if it is a number. */
export function adapterFlag(text: string, before: readonly AdapterFlag[] = []): readonly AdapterFlag[] {
  const [, file = text, digits] = /^(.+)=([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.exec(text) ?? []
  const scale = digits === undefined ? 1 : Number(digits)
  if (file === '' || !Number.isFinite(scale)) throw new InvalidArgumentError('It must be a file, or a file=scale.')
  return [...before, { path: file, scale }]
}

/** What the CPU backend takes. */
export const MOST_THREADS = 64
export const PRECISIONS = ['fast', 'precise', 'exact'] as const
export type Precision = (typeof PRECISIONS)[number]

/** More tokens than any Gemma 3 holds. */
const MOST_TOKENS = 1 << 20

/** Options that several commands share, each spelled once. */
export const OPTIONS = {
  model: () => new Option('-m, --model <model>', 'a name from `g3 models`, a path to a GGUF file, or a URL'),
  backend: () =>
    new Option('--backend <name>', 'where it computes: auto takes WebGPU where there is a GPU, and says so')
      .choices(['auto', 'cpu', 'webgpu'])
      .env('G3_BACKEND'),
  threads: () =>
    new Option('--threads <n>', 'threads of the CPU to compute with (default: all cores)').argParser(
      wholeNumber(1, MOST_THREADS),
    ),
  precision: () =>
    new Option(
      '--precision <kind>',
      'activations of 8 bits (fast, what the CPU does unless told), 14 bits (precise) or f32 (exact, what WebGPU does)',
    ).choices(PRECISIONS),
  simd: () =>
    new Option('--simd <kind>', 'plain leaves relaxed SIMD out even where the engine has it')
      .choices(['auto', 'plain'])
      .default('auto'),
  host: () =>
    new Option('--host <where>', 'where g3 runs: in Node, or in a page of the Chromium that wllama gets')
      .choices(['node', 'chromium'])
      .default('node'),
  context: () =>
    new Option('--context <n>', 'tokens that prompt and answer may have together').argParser(
      wholeNumber(1, MOST_TOKENS),
    ),
  cacheType: () =>
    new Option('--cache-type <type>', 'keys and values of 32 bits, 16 bits (f16) or 8 bits (q8_0)').choices(
      CACHE_TYPES,
    ),
  overflow: () =>
    new Option(
      '--overflow <policy>',
      'when the context is full: an error, stop, or shift, which drops the oldest tokens',
    )
      .choices(['error', 'stop', 'shift'])
      .default('error'),
  keep: () =>
    new Option('--keep <n>', 'tokens at the start that shift never drops (default: 128)').argParser(
      wholeNumber(0, MOST_TOKENS),
    ),
  maxTokens: () => new Option('--max-tokens <n>', 'most tokens to generate').argParser(wholeNumber(1, MOST_TOKENS)),
  temperature: () =>
    new Option('--temperature <t>', '0 takes the most likely token always').argParser(realNumber(0, 100)).default(1),
  topK: () =>
    new Option('--top-k <n>', 'sample among the n most likely tokens, 0 for all (default: 64)').argParser(
      wholeNumber(0, MOST_TOKENS),
    ),
  topP: () =>
    new Option('--top-p <p>', 'sample among the likeliest tokens that sum to p (default: 0.95)').argParser(
      realNumber(1e-9, 1),
    ),
  minP: () =>
    new Option('--min-p <p>', 'leave out tokens less likely than p times the likeliest (default: 0)').argParser(
      realNumber(0, 0.999999),
    ),
  seed: () =>
    new Option('--seed <s>', 'the same seed draws the same tokens (default: 0 for run, random for chat)').argParser(
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    ),
  mmproj: () => new Option('--mmproj <file>', "the model's image encoder: an mmproj GGUF, or a vision_encoder.onnx"),
  lora: () =>
    new Option('--lora <file[=scale]>', 'a LoRA adapter (GGUF) to add, times scale (default: 1); may be given again').argParser(
      adapterFlag,
    ),
  resampler: () =>
    new Option('--resampler <name>', "whose arithmetic resizes: the processor's on Pillow, or on torchvision")
      .choices(['pillow', 'torchvision'])
      .default('pillow'),
  json: (what: string) => new Option('--json', what),
}

/** What the shared options parse to. */
export interface ModelOptions {
  readonly model?: string
  readonly backend?: BackendName | 'auto'
  readonly threads?: number
  readonly precision?: Precision
  readonly context?: number
  readonly cacheType?: CacheType
  readonly mmproj?: string
}

export interface OverflowFlags {
  readonly overflow: OverflowPolicy
  readonly keep?: number
}
