import { check, type Backend, type CacheType, type PackedTensor, type Workload } from '@g3/backend'
import { expectedTensors, type Gemma3Config } from '../config.js'
import type { VisionEncoder } from '@g3/vision'
import { loadGemma3, type Gemma3Options } from '../model/gemma3.js'
import { sizeOf, type CacheTypes } from '../model/size.js'
import { workloadOf } from '../model/workload.js'
import { quantised, type LoadType } from '../packing/quantised.js'
import { modelOf, type Model } from './model.js'
import { openEyes, type Eyes } from './eyes.js'
import { openModel, type FileSource, type ModelSource } from './source.js'

/** Opens a backend for a workload. */
export type OpenBackend = (workload: Workload) => Promise<Backend>

/** Opens an image encoder for a model of this configuration; its soft tokens have the model's width. */
export type OpenVisionEncoder = (config: Gemma3Config) => Promise<VisionEncoder & Partial<AsyncDisposable>>

export interface LoadOptions {
  /** The GGUF file, or the safetensors checkpoint. */
  readonly source: ModelSource
  /**
   * The GGUF file of its image encoder (mmproj). Default: the one in the checkpoint, where it holds one; else the model sees
   * no images. `false`: it sees none.
   */
  readonly mmproj?: FileSource | false
  /**
   * An image encoder that computes elsewhere, such as `onnxEncoder` of `@g3/vision/onnx`, in place of an mmproj. It stays
   * yours. Or what opens one for the model, which disposes of it.
   */
  readonly encoder?: VisionEncoder | OpenVisionEncoder
  /**
   * Where the model runs. It stays yours: dispose of it after the model. Or what opens one once it is known what the model
   * asks of it, as `autoBackend` of `@g3/runtime/auto` does: that one the model disposes of.
   */
  readonly backend: Backend | OpenBackend
  /**
   * Tokens that prompt and answer may have together. Default 8192, or what the model was trained for when that is less.
   */
  readonly context?: number
  /** Prompt tokens in one step: more is faster up to a point and takes memory. Default: the model's. */
  readonly maxRows?: number
  /** Texts that can be generated at a time, each with caches for the whole context. Default 1. */
  readonly sequences?: number
  /** How keys and values are held: `f32`, `f16` or `q8_0`. Default: as the backend holds them best. */
  readonly cacheType?: CacheType | CacheTypes
  /** Checkpoints that are kept for texts that begin alike. Default: the model's. */
  readonly checkpoints?: number
  /** Most bytes of keys and values. Default: as many as all sequences need in full. */
  readonly cacheBytes?: number
  /**
   * Packs matrices that are stored in 16 or 32 bits into this type while they load. The embedding, which is the output
   * matrix, too, stays at Q8_0 or above. Default: as they are stored.
   */
  readonly quantise?: LoadType
  readonly signal?: AbortSignal
  /** Weight bytes loaded, of how many. */
  readonly onProgress?: (done: number, total: number) => void
  /** Told in a sentence what people should know of how the files are loaded, e.g. that types are repacked. */
  readonly onNotice?: (notice: string) => void
}

/** Long enough for a document, and the cache of the smaller models stays below 250 MB. */
const DEFAULT_CONTEXT = 8192

/** @throws G3Error `generate/bad-context` */
export function parseContext(wanted: number | undefined, trained: number): number {
  const context = wanted ?? Math.min(DEFAULT_CONTEXT, trained)
  check(
    Number.isSafeInteger(context) && context >= 1 && context <= trained,
    'generate/bad-context',
    () => `the context is ${context}; it must be a whole number from 1 to ${trained}, which this model was trained for`,
  )
  return context
}

/** Vectors are norm weights, which stay exact; what is quantised already would only lose. */
function packed(tensor: PackedTensor, type: LoadType | undefined): PackedTensor {
  const isPlain = tensor.type === 'F32' || tensor.type === 'F16' || tensor.type === 'BF16'
  if (type === undefined || tensor.rows === 1 || !isPlain) return tensor
  return quantised(tensor, tensor.name === 'token_embd.weight' ? 'Q8_0' : type)
}

/**
 * Loads a Gemma 3 model from a GGUF file or a safetensors checkpoint, with its image encoder where there is one.
 * @throws G3Error `gguf/…` or `safetensors/…` for what is wrong with the files, `generate/bad-context`,
 * `generate/bad-option` for two image encoders, `vision/…`, `quantise/…`,
 * `backend/out-of-memory`, what opens the backend throws; the signal's reason when it aborts
 */
export async function loadModel(options: LoadOptions): Promise<Model> {
  const { signal, maxRows, sequences, cacheType, checkpoints, cacheBytes, quantise, onProgress } = options
  const opened = await openModel(options.source, { signal })
  let eyes: Eyes | undefined
  const closeFiles = async (): Promise<void> => {
    await opened.close()
    await eyes?.closeFiles()
  }
  let stays = false
  let own: Backend | undefined
  try {
    eyes = await openEyes(options, opened)
    const { name, config, tokenizer, instructionTuned, notice } = opened
    if (notice !== undefined) options.onNotice?.(notice)
    const tensors = (tensor: string): PackedTensor => packed(opened.tensor(tensor), quantise)
    const size: Gemma3Options = {
      context: parseContext(options.context, config.context),
      ...(maxRows !== undefined && { maxRows }),
      ...(sequences !== undefined && { sequences }),
      ...(cacheType !== undefined && { cacheType }),
      ...(checkpoints !== undefined && { checkpoints }),
    }
    const plan = (): Workload => {
      const all = Array.from(expectedTensors(config), ([tensor]) => tensors(tensor))
      // Unless a type of cache is wanted, the backend has its own: f32 is the most that it can be.
      return workloadOf(config, all, sizeOf(size, config, 'f32'), eyes?.workload)
    }
    const { backend: given } = options
    const backend = typeof given === 'function' ? (own = await given(plan())) : given
    const tower = await eyes?.load(backend)
    const gemma3 = await loadGemma3(backend, tensors, config, {
      ...size,
      ...(cacheBytes !== undefined && { cacheBytes }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
      ...(tower && { tower }),
    })
    // Hardware that can be lost gets its weights from the files again.
    stays = backend.recovery !== undefined
    const close = async (): Promise<void> => {
      await own?.dispose()
      await eyes?.dispose()
      if (stays) await closeFiles()
    }
    return modelOf({ name, gemma3, tokenizer, instructionTuned, filesStayOpen: stays, close })
  } catch (cause) {
    await own?.dispose()
    await eyes?.dispose()
    throw cause
  } finally {
    if (!stays) await closeFiles()
  }
}
