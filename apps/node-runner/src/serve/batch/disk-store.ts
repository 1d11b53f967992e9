import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from '@hono/zod-openapi'
import { G3Error } from '@g3/backend'
import { syncFolder } from '../../models/disk.js'
import { withLock } from '../../models/lock.js'
import { openLedger, type Ledger } from './disk-ledger.js'
import { batchObject, fileObject, isOver, type Batch, type FileObject } from './records.js'
import { keptFile, limited, type BatchStore, type StoreLimits } from './store.js'

/** A lock of a process that died on another machine, or under our own number in a container, is free after 30 seconds. */
const LOCK_MS = 40_000

/**
 * Keeps everything in a folder of one process's own: a file's bytes, records as JSON, and answers as lines that are appended.
 * What is half written when the process dies is left out by the next one.
 * @throws G3Error `batch/data-in-use` where another process has the folder, `batch/bad-record` for what cannot be read
 */
export async function diskStore(folder: string, limits: StoreLimits): Promise<BatchStore> {
  const [filesAt, batchesAt, answersAt] = ['files', 'batches', 'answers'].map((name) => join(folder, name))
  for (const each of [filesAt, batchesAt, answersAt]) await mkdir(each, { recursive: true })
  const unlock = await hold(join(folder, 'lock'))
  const read = async () => {
    for (const at of [filesAt, batchesAt])
      for (const name of await readdir(at)) if (name.endsWith('.part')) await rm(join(at, name))
    return { files: await readRecords(filesAt, fileObject), batches: await readRecords(batchesAt, batchObject) }
  }
  const { files, batches } = await read().catch(async (problem: unknown) => {
    await unlock()
    throw problem
  })
  const ledgers = new Map<string, Promise<Ledger>>()
  const sealed = new Set<string>()
  /** What is being uploaded counts, too. */
  let coming = 0
  let isClosed = false
  /** Records are written in the order in which they changed. */
  let written: Promise<unknown> = Promise.resolve()

  const bytesAt = (id: string): string => join(filesAt, `${id}.bytes`)
  const ledger = (batch: string): Promise<Ledger> => {
    const known = ledgers.get(batch) ?? openLedger(join(answersAt, `${batch}.jsonl`))
    ledgers.set(batch, known)
    return known
  }
  const newest = <Kept extends { readonly created_at: number }>(kept: Map<string, Kept>): readonly Kept[] =>
    [...kept.values()].reverse().toSorted((a, b) => b.created_at - a.created_at)
  const keptBytes = (): number => [...files.values()].reduce((sum, { bytes }) => sum + bytes, 0)

  return {
    async addFile(about, pieces) {
      const known = files.get(about.id)
      if (known) return known
      const part = join(filesAt, `${about.id}.${crypto.randomUUID()}.part`)
      let bytes = 0
      const handle = await open(part, 'wx')
      try {
        for await (const piece of limited(about, pieces, limits, keptBytes() + coming)) {
          await handle.writeFile(piece)
          bytes += piece.length
          coming += piece.length
        }
        await handle.sync()
        await rename(part, bytesAt(about.id))
      } catch (problem) {
        await rm(part, { force: true })
        throw problem
      } finally {
        coming -= bytes
        await handle.close()
      }
      const file = keptFile(about, bytes)
      await writeRecord(filesAt, file)
      files.set(file.id, file)
      return file
    },
    file: async (id) => files.get(id),
    files: async () => newest(files),
    read: (id, range) =>
      createReadStream(bytesAt(id), range && { start: range.from, end: range.from + range.bytes - 1 }),
    async removeFile(id) {
      if (!files.delete(id)) return false
      await rm(join(filesAt, `${id}.json`), { force: true })
      await rm(bytesAt(id), { force: true })
      return true
    },

    async addBatch(batch) {
      await writeRecord(batchesAt, batch)
      batches.set(batch.id, batch)
    },
    batch: async (id) => batches.get(id),
    batches: async () => newest(batches),
    openBatches: async () => [...batches.values()].filter((batch) => !isOver(batch)).map(({ id }) => id),
    async change(id, change) {
      const batch = batches.get(id)
      const changed = batch && change(batch)
      if (!changed) return undefined
      batches.set(id, changed)
      const writing = written.then(() => writeRecord(batchesAt, changed))
      written = writing.catch(() => {})
      await writing
      return changed
    },
    async removeBatch(id) {
      batches.delete(id)
      await rm(join(batchesAt, `${id}.json`), { force: true })
    },

    async addAnswer(batch, line, answer) {
      if (sealed.has(batch) || isClosed) return undefined
      return (await ledger(batch)).add(line, answer)
    },
    async seal(batch) {
      sealed.add(batch)
    },
    answers: async (batch, first, count) => (await ledger(batch)).read(first, count),
    answered: async (batch) => (await ledger(batch)).counts(),
    async dropAnswers(batch) {
      await (await ledger(batch)).close()
      ledgers.delete(batch)
      sealed.delete(batch)
      await rm(join(answersAt, `${batch}.jsonl`), { force: true })
    },
    async close() {
      isClosed = true
      for (const each of ledgers.values()) await (await each).close()
      await unlock()
    },
  }
}

/** @returns what lets go of it */
async function hold(path: string): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<void>()
  const free = Promise.withResolvers<void>()
  const problem = new G3Error('batch/data-in-use', `another server works with ${path}: give each its own --data folder`)
  const tooLong = new AbortController()
  const timer = setTimeout(() => tooLong.abort(problem), LOCK_MS)
  const done = withLock(path, { signal: tooLong.signal }, async () => {
    clearTimeout(timer)
    held.resolve()
    await free.promise
  })
  done.catch(held.reject)
  await held.promise
  return async () => {
    free.resolve()
    await done
  }
}

/** Written beside and renamed, so that a record is whole or as it was before. */
async function writeRecord(folder: string, record: FileObject | Batch): Promise<void> {
  const path = join(folder, `${record.id}.json`)
  const part = `${path}.${crypto.randomUUID()}.part`
  const handle = await open(part, 'wx')
  try {
    await handle.writeFile(JSON.stringify(record))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(part, path)
  await syncFolder(folder)
}

async function readRecords<Kept extends FileObject | Batch>(
  folder: string,
  shape: z.ZodType<Kept>,
): Promise<Map<string, Kept>> {
  const records: Kept[] = []
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.json')) continue
    const path = join(folder, name)
    try {
      records.push(shape.parse(JSON.parse(await readFile(path, 'utf8'))))
    } catch (cause) {
      throw new G3Error('batch/bad-record', `${path} cannot be read: repair or delete it`, { cause })
    }
  }
  records.sort((a, b) => a.created_at - b.created_at)
  return new Map(records.map((record) => [record.id, record]))
}
