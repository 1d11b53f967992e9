import { open } from 'node:fs/promises'
import { linesOf } from './lines.js'
import { lineAnswer, type LineAnswer } from './records.js'
import { isSuccess, type Answered, type ByteRange } from './store.js'

/** The answers to a batch's lines, in a file to which they are appended as they come. */
export interface Ledger {
  /** The first answer to a line stays. Resolves once it is on the disk. */
  add(line: number, answer: LineAnswer): Promise<Answered>
  read(first: number, count: number): Promise<readonly (LineAnswer | undefined)[]>
  counts(): Answered
  close(): Promise<void>
}

/** Opens one, or begins it. A last line that was not finished is dropped: its answer was never counted. */
export async function openLedger(path: string): Promise<Ledger> {
  const handle = await open(path, 'a').then(async (made) => {
    await made.close()
    return open(path, 'r+')
  })
  /** Where the answers lie. */
  const places = new Map<number, ByteRange>()
  const counted = { completed: 0, failed: 0 }
  let end = 0
  let last: Promise<unknown> = Promise.resolve()

  const note = (line: number, answer: LineAnswer, bytes: number): void => {
    places.set(line, { from: end, bytes })
    counted[isSuccess(answer) ? 'completed' : 'failed']++
    end += bytes + 1
  }
  const { size } = await handle.stat()
  for await (const { bytes, from } of linesOf(handle.createReadStream({ start: 0, autoClose: false }), Infinity)) {
    const kept = from === end && from + bytes.length < size ? parsed(bytes) : undefined
    if (!kept) break
    note(kept.line, kept.answer, bytes.length)
  }
  await handle.truncate(end)

  return {
    async add(line, answer) {
      // One after the other: where the next one begins is known once this one is whole.
      const added = last.then(async () => {
        if (places.has(line)) return { ...counted }
        const bytes = Buffer.from(`${JSON.stringify({ line, answer })}\n`)
        await handle.write(bytes, 0, bytes.length, end)
        await handle.datasync()
        note(line, answer, bytes.length - 1)
        return { ...counted }
      })
      last = added.catch(() => {})
      return added
    },
    async read(first, count) {
      const lines = Array.from({ length: count }, (_, i) => first + i)
      return Promise.all(
        lines.map(async (line) => {
          const place = places.get(line)
          if (!place) return undefined
          const { buffer } = await handle.read(Buffer.alloc(place.bytes), 0, place.bytes, place.from)
          return parsed(buffer)?.answer
        }),
      )
    },
    counts: () => ({ ...counted }),
    async close() {
      await last
      await handle.close()
    },
  }
}

function parsed(bytes: Uint8Array): { readonly line: number; readonly answer: LineAnswer } | undefined {
  try {
    const { line, answer } = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return { line: Number(line), answer: lineAnswer.parse(answer) }
  } catch {
    return undefined
  }
}
