import { G3Error } from '@g3/backend'

/** Where a file is: a URL, bytes in memory, or a Blob or File (in Node: `openAsBlob` of `node:fs`). */
export type OnnxFile = string | URL | Uint8Array<ArrayBuffer> | Blob

/** @throws G3Error `vision/onnx-fetch`; the signal's reason */
export async function blobOf(file: OnnxFile, signal: AbortSignal | undefined): Promise<Blob> {
  if (file instanceof Blob) return file
  if (file instanceof Uint8Array) return new Blob([file])
  const fail = (what: string, cause?: unknown): G3Error =>
    new G3Error('vision/onnx-fetch', `${String(file)} ${what}: check the address`, { cause })
  const response = await fetch(file, { signal: signal ?? null }).catch((cause: unknown) => {
    signal?.throwIfAborted()
    throw fail('cannot be fetched', cause)
  })
  if (!response.ok) throw fail(`answers ${response.status}`)
  return response.blob()
}

/** Parts of a file that name it, and how large each is. */
const SAMPLES = 16
const SAMPLE_BYTES = 1 << 16

/** Names files by their sizes and by parts of them: 16 hexadecimal digits. */
export async function nameOf(files: readonly Blob[]): Promise<string> {
  const parts: BlobPart[] = []
  for (const file of files) {
    parts.push(`${file.size};`)
    const step = Math.max(SAMPLE_BYTES, Math.ceil(file.size / SAMPLES))
    for (let at = 0; at < file.size; at += step) parts.push(file.slice(at, at + SAMPLE_BYTES))
  }
  const hash = await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer())
  return Array.from(new Uint8Array(hash, 0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
