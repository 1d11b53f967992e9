import { check, G3Error } from '@g3/backend'

/** Random access to the bytes of one file, wherever it is. Reads may overlap in time. */
export interface ByteSource {
  /** Bytes in the file; fixed for the life of the source. */
  readonly size: number
  /** What people call this file, for messages. */
  readonly name: string
  /**
   * Fills `into` (which may lie in shared memory) with the bytes from `offset` on, wholly or not at all.
   * @throws G3Error `gguf/truncated` when the file ends before that, `gguf/read` when the medium fails.
   */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>
  /** Releases what the source holds. */
  close?(): Promise<void>
}

/** Throws `gguf/truncated` unless [offset, offset + length) lies inside the source. */
export function checkReach(source: Pick<ByteSource, 'size' | 'name'>, offset: number, length: number): void {
  check(
    Number.isSafeInteger(offset) && offset >= 0 && length <= source.size - offset,
    'gguf/truncated',
    () =>
      `${source.name} has ${source.size} bytes, but bytes ${offset} to ${offset + length} are needed: the file is incomplete, fetch it again`,
  )
}

/** A medium's failure as a {@link G3Error}; cancellation and our own errors pass through unchanged. */
export function readFailure(name: string, cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted || cause instanceof G3Error) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new G3Error('gguf/read', `cannot read ${name}: ${reason}`, { cause })
}

/** A file that is in memory already. The bytes are not copied: leave them unchanged while the source is in use. */
export function bytesSource(bytes: Uint8Array, name = 'bytes'): ByteSource {
  const source = {
    size: bytes.byteLength,
    name,
    async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
      signal?.throwIfAborted()
      checkReach(source, offset, into.byteLength)
      into.set(bytes.subarray(offset, offset + into.byteLength))
    },
  }
  return source
}

/** Bytes of a Blob held in memory at a time. */
const BLOB_CHUNK = 8 << 20

/** A Blob or File, e.g. from a file input or from the browser's private file system. */
export function blobSource(blob: Blob, name = 'name' in blob ? String(blob.name) : 'blob'): ByteSource {
  const source = {
    size: blob.size,
    name,
    async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
      checkReach(source, offset, into.byteLength)
      for (let done = 0; done < into.byteLength; done += BLOB_CHUNK) {
        signal?.throwIfAborted()
        const end = Math.min(done + BLOB_CHUNK, into.byteLength)
        try {
          into.set(new Uint8Array(await blob.slice(offset + done, offset + end).arrayBuffer()), done)
        } catch (cause) {
          throw readFailure(name, cause, signal)
        }
      }
    },
  }
  return source
}
