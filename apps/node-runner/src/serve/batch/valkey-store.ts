import type { ChainableCommander, Redis } from 'ioredis'
import { batchObject, fileObject, isOver, lineAnswer, type Batch, type FileObject, type LineAnswer } from './records.js'
import { isSuccess, keptFile, limited, type Answered, type BatchStore, type StoreLimits } from './store.js'
import type { Valkey } from './valkey.js'

/** Bytes of a file that travel at a time. */
const PIECE = 256 << 10

/** What was uploaded by half is forgotten after this. */
const PART_SECONDS = 3600

/** Changes a batch where nobody else has meanwhile. */
const SWAP = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[4] == '1' then redis.call('SREM', KEYS[2], ARGV[3]) end
return 1`

/** The first answer to a line stays, and is counted once; none is taken for a batch that is sealed or over. */
const ANSWER = `
if redis.call('SISMEMBER', KEYS[3], ARGV[4]) == 0 then return false end
if redis.call('HEXISTS', KEYS[2], 'sealed') == 1 then return false end
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 then redis.call('HINCRBY', KEYS[2], ARGV[3], 1) end
return redis.call('HMGET', KEYS[2], 'completed', 'failed')`

/**
 * Keeps everything in Valkey, files too: then workers need nothing else in common, and what survives a crash there is one
 * moment of its log, in which files, answers and tasks agree.
 */
export function valkeyStore({ ask }: Pick<Valkey, 'ask'>, limits: StoreLimits, prefix: string): BatchStore {
  const [FILES, BATCHES, OPEN] = [`${prefix}:files`, `${prefix}:batches`, `${prefix}:open`]
  const fileAt = (id: string): string => `${prefix}:file:${id}`
  const bytesAt = (id: string): string => `${prefix}:bytes:${id}`
  const batchAt = (id: string): string => `${prefix}:batch:${id}`
  const answersAt = (id: string): string => `${prefix}:answers:${id}`
  const countsAt = (id: string): string => `${prefix}:counts:${id}`

  /** All of it or nothing. */
  const commit = (begin: (redis: Redis) => ChainableCommander): Promise<unknown[]> =>
    ask(async (redis) => {
      const results = (await begin(redis).exec()) ?? []
      return results.map(([problem, result]) => {
        if (problem) throw problem
        return result
      })
    })
  const all = async <Kept>(
    index: string,
    at: (id: string) => string,
    read: (text: string) => Kept,
  ): Promise<Kept[]> => {
    const ids = await ask((redis) => redis.zrevrange(index, 0, -1))
    if (ids.length === 0) return []
    const texts = await ask((redis) => redis.mget(ids.map(at)))
    return texts.filter((text) => text !== null).map(read)
  }
  const files = (): Promise<FileObject[]> => all(FILES, fileAt, readFile)
  const file = async (id: string): Promise<FileObject | undefined> => {
    const text = await ask((redis) => redis.get(fileAt(id)))
    return text === null ? undefined : readFile(text)
  }

  return {
    async addFile(about, pieces) {
      const { id } = about
      const known = await file(id)
      if (known) return known
      const kept = (await files()).reduce((sum, { bytes }) => sum + bytes, 0)
      const part = `${prefix}:part:${crypto.randomUUID()}`
      let bytes = 0
      try {
        await ask((redis) => redis.set(part, '', 'EX', PART_SECONDS))
        for await (const piece of limited(about, pieces, limits, kept))
          for (let from = 0; from < piece.length; from += PIECE) {
            const sent = Buffer.from(piece.subarray(from, from + PIECE))
            bytes += sent.length
            await ask((redis) => redis.append(part, sent))
          }
      } catch (problem) {
        await ask((redis) => redis.del(part)).catch(() => {})
        throw problem
      }
      const made = keptFile(about, bytes)
      // Where somebody else was faster, theirs stays, and ours is forgotten by itself.
      await commit((redis) =>
        redis
          .multi()
          .renamenx(part, bytesAt(id))
          .persist(bytesAt(id))
          .setnx(fileAt(id), JSON.stringify(made))
          .zadd(FILES, 'NX', made.created_at, id),
      )
      return made
    },
    file,
    files,
    async *read(id, range) {
      const from = range?.from ?? 0
      const end = range ? from + range.bytes : Infinity
      for (let at = from; at < end; at += PIECE) {
        const piece = await ask((redis) => redis.getrangeBuffer(bytesAt(id), at, Math.min(at + PIECE, end) - 1))
        if (piece.length > 0) yield piece
        if (piece.length < PIECE) return
      }
    },
    async removeFile(id) {
      const [removed] = await commit((redis) => redis.multi().del(fileAt(id)).del(bytesAt(id)).zrem(FILES, id))
      return removed === 1
    },

    async addBatch(batch) {
      const { id, created_at: created } = batch
      await commit((redis) =>
        redis.multi().set(batchAt(id), JSON.stringify(batch)).zadd(BATCHES, created, id).sadd(OPEN, id),
      )
    },
    async batch(id) {
      const text = await ask((redis) => redis.get(batchAt(id)))
      return text === null ? undefined : readBatch(text)
    },
    batches: () => all(BATCHES, batchAt, readBatch),
    openBatches: () => ask((redis) => redis.smembers(OPEN)),
    async change(id, change) {
      for (;;) {
        const before = await ask((redis) => redis.get(batchAt(id)))
        const changed = before === null ? undefined : change(readBatch(before))
        if (before === null || !changed) return undefined
        const over = isOver(changed) ? '1' : '0'
        const swapped = await ask((redis) =>
          redis.eval(SWAP, 2, batchAt(id), OPEN, before, JSON.stringify(changed), id, over),
        )
        if (swapped === 1) return changed
      }
    },
    async removeBatch(id) {
      await commit((redis) =>
        redis.multi().del(batchAt(id), answersAt(id), countsAt(id)).zrem(BATCHES, id).srem(OPEN, id),
      )
    },

    async addAnswer(batch, line, answer) {
      const kind: keyof Answered = isSuccess(answer) ? 'completed' : 'failed'
      const keys = [answersAt(batch), countsAt(batch), OPEN]
      const counted = await ask((redis) =>
        redis.eval(ANSWER, keys.length, ...keys, String(line), JSON.stringify(answer), kind, batch),
      )
      return Array.isArray(counted) ? countsOf(counted) : undefined
    },
    async seal(batch) {
      await ask((redis) => redis.hset(countsAt(batch), 'sealed', 1))
    },
    async answers(batch, first, count) {
      const fields = Array.from({ length: count }, (_, i) => String(first + i))
      if (count === 0) return []
      const texts = await ask((redis) => redis.hmget(answersAt(batch), ...fields))
      return texts.map((text) => (text === null ? undefined : readAnswer(text)))
    },
    answered: async (batch) => countsOf(await ask((redis) => redis.hmget(countsAt(batch), 'completed', 'failed'))),
    async dropAnswers(batch) {
      await ask((redis) => redis.del(answersAt(batch), countsAt(batch)))
    },
    async close() {},
  }
}

const readFile = (text: string): FileObject => fileObject.parse(JSON.parse(text))
const readBatch = (text: string): Batch => batchObject.parse(JSON.parse(text))
const readAnswer = (text: string): LineAnswer => lineAnswer.parse(JSON.parse(text))

const countsOf = ([completed, failed]: readonly unknown[]): Answered => ({
  completed: Number(completed ?? 0),
  failed: Number(failed ?? 0),
})
