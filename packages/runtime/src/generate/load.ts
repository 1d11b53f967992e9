import { check, type Backend } from '@g3/backend'
import { tokenizerFromGguf } from '@g3/tokenizer'
import { configFromGguf } from '../config.js'
import { readGguf, tensorNamed, tokenizerFields, type Gguf } from '../gguf/index.js'
import { loadGemma3 } from '../model/gemma3.js'
import { modelOf, type Model } from './model.js'
import { openSource, type ModelSource } from './source.js'

export interface LoadOptions {
  /** The GGUF file. */
  readonly source: ModelSource
  /** Where the model runs. It stays yours: dispose of it after the model. */
  readonly backend: Backend
  /**
   * Tokens that prompt and answer may have together. Default 8192, or what the model was trained for when that is less.
   */
  readonly context?: number
  /** Prompt tokens in one step: more is faster up to a point and takes memory. Default: the model's. */
  readonly maxRows?: number
  readonly signal?: AbortSignal
  /** Weight bytes loaded, of how many. */
  readonly onProgress?: (done: number, total: number) => void
}

/** Long enough for a document, and the cache of the smaller models stays below 250 MB. */
const DEFAULT_CONTEXT = 8192

/** Marks of instruction tuning in a model's names: `gemma-3-1b-it`, `Gemma 3 270m It`. */
const TUNED_NAME = /(?:^|[^a-z0-9])it(?:[^a-z0-9]|$)/i

/** A file that brings a turn template, or is named as tuned, is meant to be talked to. */
export function isInstructionTuned({ metadata, source }: Pick<Gguf, 'metadata' | 'source'>): boolean {
  if (metadata.has('tokenizer.chat_template')) return true
  const names = [
    source.name,
    ...['general.name', 'general.basename', 'general.finetune'].map((key) => metadata.get(key)),
  ]
  return names.some((name) => typeof name === 'string' && TUNED_NAME.test(name))
}

function nameOf({ metadata, source }: Gguf): string {
  const name = metadata.get('general.name')
  return typeof name === 'string' && name !== '' ? name : source.name
}

function parseContext(wanted: number | undefined, trained: number): number {
  const context = wanted ?? Math.min(DEFAULT_CONTEXT, trained)
  check(
    Number.isSafeInteger(context) && context >= 1 && context <= trained,
    'generate/bad-context',
    () => `the context is ${context}; it must be a whole number from 1 to ${trained}, which this model was trained for`,
  )
  return context
}

/**
 * Loads a Gemma 3 text model from a GGUF file.
 * @throws G3Error `gguf/…` for what is wrong with the file, `generate/bad-context`, `backend/out-of-memory`; the
 * signal's reason when it aborts
 */
export async function loadModel(options: LoadOptions): Promise<Model> {
  const { backend, signal, maxRows, onProgress } = options
  signal?.throwIfAborted()
  const source = await openSource(options.source, signal)
  try {
    const gguf = await readGguf(source, { signal })
    const config = configFromGguf(gguf)
    const context = parseContext(options.context, config.context)
    const tokenizer = tokenizerFromGguf(tokenizerFields(gguf))
    const gemma3 = await loadGemma3(backend, (name) => tensorNamed(gguf, name), config, {
      context,
      ...(maxRows !== undefined && { maxRows }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
    })
    return modelOf({ name: nameOf(gguf), gemma3, tokenizer, instructionTuned: isInstructionTuned(gguf) })
  } finally {
    // The weights are in the backend now, or loading failed.
    await source.close?.()
  }
}
