import { blobSource, bytesSource, httpSource, type ByteSource } from '../gguf/index.js'
import type { CheckpointFiles } from '../safetensors/index.js'
import { openCheckpointModel } from './checkpoint-model.js'
import { openGgufModel } from './gguf-model.js'
import type { OpenedModel } from './opened-model.js'

/**
 * Where a GGUF file is: a URL that answers ranges, a Blob or File, bytes in memory, or any {@link ByteSource} (a file
 * handle's). Or a checkpoint of safetensors: a function that opens the files of its folder by name.
 */
export type ModelSource = FileSource | CheckpointFiles

/** Where one file is. */
export type FileSource = string | URL | Blob | Uint8Array | ByteSource

/**
 * Opens and checks a model's files without reading weights.
 * @throws G3Error `gguf/…` or `safetensors/…`, `tokenizer/…`; the signal's reason
 */
export async function openModel(
  source: ModelSource,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<OpenedModel> {
  signal?.throwIfAborted()
  if (typeof source === 'function') return openCheckpointModel(source, signal)
  return openGgufModel(await openFile(source, signal), signal)
}

/** @throws G3Error `gguf/http-…` when a URL does not answer */
export async function openFile(
  source: FileSource,
  signal: AbortSignal | undefined,
): Promise<ByteSource> {
  if (typeof source === 'string' || source instanceof URL) return httpSource(String(source), { signal })
  if (source instanceof Blob) return blobSource(source)
  return source instanceof Uint8Array ? bytesSource(source) : source
}
