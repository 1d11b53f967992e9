import { G3Error } from '@g3/backend'
import { checkReach, readFailure, type ByteSource } from './byte-source.js'

/** The part of Node's `FileHandle` (`node:fs/promises`, also in Bun and Deno) that a source needs. */
export interface FileHandleLike {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>
  stat(): Promise<{ readonly size: number }>
  close?(): Promise<void>
}

/** Bytes asked for in one call: hosts refuse 2 GiB and more, and cancellation is looked at between calls. */
const READ_LIMIT = 64 << 20

/**
 * An open file. The source owns the handle from here on: its `close` closes it.
 * Bytes go straight to where they are wanted, shared memory included (Node reads into it without a copy).
 */
export async function fileSource(handle: FileHandleLike, name = 'file'): Promise<ByteSource> {
  const { size } = await handle.stat()
  const source = {
    size,
    name,
    async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
      checkReach(source, offset, into.byteLength)
      let done = 0
      while (done < into.byteLength) {
        signal?.throwIfAborted()
        const length = Math.min(READ_LIMIT, into.byteLength - done)
        const { bytesRead } = await handle.read(into, done, length, offset + done).catch((cause: unknown) => {
          throw readFailure(name, cause, signal)
        })
        if (bytesRead === 0) {
          throw new G3Error(
            'gguf/truncated',
            `${name} shrank to ${offset + done} bytes while it was read; fetch it again`,
          )
        }
        done += bytesRead
      }
    },
    async close(): Promise<void> {
      await handle.close?.()
    },
  }
  return source
}
