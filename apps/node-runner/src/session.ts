import { createReadStream } from 'node:fs'
import { rename, rm, stat, writeFile } from 'node:fs/promises'
import { G3Error } from '@g3/backend'
import type { Chat, Model } from '@g3/runtime'
import { restoreSession } from '@g3/runtime/session'

/**
 * Takes up the text in a session's file.
 * @returns its ids; none where there is no file yet
 * @throws G3Error `cli/unreadable-file`, and what {@link Model.restore} throws
 */
export async function openSession(model: Model, path: string): Promise<Int32Array> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw unreadable(path, cause)
  })
  if (found === undefined) return new Int32Array(0)
  if (!found.isFile()) throw new G3Error('cli/unreadable-file', `${path} is no file`)
  return model.restore(chunks(path))
}

async function* chunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 })
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

/**
 * Leaves the text that was generated last in a file. What was there stays until all is written.
 * @throws G3Error `cli/unwritable-file`
 */
export const saveSession = (model: Model, path: string): Promise<void> => writeWhole(path, model.save())

/** Leaves a chat in a file. @throws G3Error `cli/unwritable-file`, and as {@link Chat.save} */
export const saveChat = (chat: Chat, path: string): Promise<void> => writeWhole(path, chat.save())

/** Takes up the chat in a file. @throws G3Error `cli/missing-file`, `cli/unreadable-file`, and as `restoreSession` */
export async function loadChat(model: Model, path: string): Promise<Chat> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new G3Error('cli/missing-file', `there is no file ${path}`, { cause })
    throw unreadable(path, cause)
  })
  if (!found.isFile()) throw new G3Error('cli/unreadable-file', `${path} is no file`)
  return restoreSession(model, chunks(path))
}

async function writeWhole(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const part = `${path}.${process.pid}.part`
  try {
    await writeFile(part, bytes)
    await rename(part, path)
  } catch (cause) {
    await rm(part, { force: true })
    if (cause instanceof Error && 'syscall' in cause) {
      throw new G3Error('cli/unwritable-file', `the session cannot be written to ${path}: ${cause.message}`, { cause })
    }
    throw cause
  }
}

const unreadable = (path: string, cause: unknown): G3Error =>
  new G3Error('cli/unreadable-file', `${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`, {
    cause,
  })
