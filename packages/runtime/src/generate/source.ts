import { blobSource, bytesSource, httpSource, type ByteSource } from '../gguf/index.js'

/**
 * Where a GGUF file is: a URL that answers ranges, a Blob or File, bytes in memory, or any {@link ByteSource} (a file
 * handle's).
 */
export type ModelSource = string | URL | Blob | Uint8Array | ByteSource

/** @throws G3Error `gguf/http-…` when a URL does not answer */
export async function openSource(source: ModelSource, signal: AbortSignal | undefined): Promise<ByteSource> {
  if (typeof source === 'string' || source instanceof URL) return httpSource(String(source), { signal })
  if (source instanceof Blob) return blobSource(source)
  return source instanceof Uint8Array ? bytesSource(source) : source
}
