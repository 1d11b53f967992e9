import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { G3Error, type Backend } from '@g3/backend'
import type { LoadOptions, Model } from '@g3/runtime'
import { fileSource, type ByteSource } from '@g3/runtime/gguf'
import type { ChosenBackend } from './backend.js'
import { resolveModel } from './models/resolve.js'
import type { ModelOptions } from './options.js'
import { isOnnxFile, openOnnxFile } from './onnx-file.js'
import { harmless, note } from './output.js'
import { byteProgress } from './progress.js'

/** A model file on this machine. */
export interface ModelFile {
  readonly path: string
  /** As the user or the registry calls it. */
  readonly name: string
  /** Undefined where only the file itself can tell. */
  readonly instructionTuned: boolean | undefined
  /** The file of its image encoder, where one comes with it. */
  readonly mmproj?: string
}

/** Finds the file of a name, path or URL, and fetches it first when it is not here. */
export async function findModel(model: string | undefined, signal: AbortSignal): Promise<ModelFile> {
  using progress = byteProgress('downloading')
  return resolveModel(model, { signal, log: note, onProgress: (done, total) => progress.update(done, total) })
}

/** @throws G3Error `cli/missing-file`, `cli/unreadable-file` */
export async function openModelFile(path: string): Promise<ByteSource> {
  const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new G3Error('cli/missing-file', `there is no file ${path}`, { cause })
    throw new G3Error('cli/unreadable-file', `${path} cannot be opened: ${cause.message}`, { cause })
  })
  return fileSource(handle, basename(path))
}

/** The image encoder in a file: a GGUF's runs on the model's backend, an ONNX model's in ONNX Runtime. */
async function eyesOf(
  path: string,
  { threads }: ModelOptions,
  signal: AbortSignal,
): Promise<Pick<LoadOptions, 'mmproj' | 'encoder'>> {
  if (!isOnnxFile(path)) return { mmproj: await openModelFile(path) }
  return { encoder: ({ width }) => openOnnxFile(path, { width, signal, ...(threads !== undefined && { threads }) }) }
}

export interface LoadedModel extends AsyncDisposable {
  readonly model: Model
  readonly backend: Backend
  /** Why it is this backend; undefined where nothing was asked and it is the CPU. */
  readonly backendReason?: string
  readonly name: string
  readonly instructionTuned: boolean
  /** From the file's opening to a model that is ready. */
  readonly loadMs: number
}

/** What a command may ask for beside what its user does. */
export interface LoadSize {
  /** Texts at a time. Default 1. */
  readonly sequences?: number
  /** Most tokens of a prompt that are read in one go, while others wait. */
  readonly maxRows?: number
}

/** Loads what the options name onto the backend that they name, and says which was taken where they leave it open. */
export async function loadForCommand(options: ModelOptions & LoadSize, signal: AbortSignal): Promise<LoadedModel> {
  const file = await findModel(options.model, signal)
  const [{ loadModel }, { chooseBackend }] = await Promise.all([import('@g3/runtime'), import('./backend.js')])
  const start = performance.now()
  const { context, cacheType, mmproj = file.mmproj, sequences, maxRows } = options
  const { promise: chosen, resolve } = Promise.withResolvers<ChosenBackend>()
  using progress = byteProgress('loading')
  const model = await loadModel({
    source: await openModelFile(file.path),
    backend: async (workload) => {
      const { backend, reason, opened } = await chooseBackend(options, workload)
      const isNews = options.backend === undefined ? backend === 'webgpu' : options.backend === 'auto'
      if (isNews) note(`Computing on ${backend}: ${harmless(reason)}.`)
      resolve({ backend, reason, opened })
      return opened
    },
    ...(mmproj !== undefined && (await eyesOf(mmproj, options, signal))),
    signal,
    onProgress: (done, total) => progress.update(done, total),
    onNotice: note,
    ...(context !== undefined && { context }),
    ...(cacheType !== undefined && { cacheType }),
    ...(sequences !== undefined && { sequences }),
    ...(maxRows !== undefined && { maxRows }),
  })
  const { opened: backend, backend: taken, reason } = await chosen
  const isNews = options.backend !== undefined || taken !== 'cpu'
  return {
    model,
    backend,
    ...(isNews && { backendReason: reason }),
    name: file.name,
    instructionTuned: file.instructionTuned ?? model.instructionTuned,
    loadMs: performance.now() - start,
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  }
}
