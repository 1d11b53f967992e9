import { createHash } from 'node:crypto'
import { linesOf } from './lines.js'
import { isOver, seconds, type Batch, type LineAnswer } from './records.js'
import { isSuccess, type BatchStore } from './store.js'

/** Answers are read in groups of this size. */
const GROUP = 100

/** Why a line has no answer. */
const WITHOUT = {
  expired: { code: 'batch_expired', message: 'This request was not answered before the completion window ended.' },
  cancelled: { code: 'batch_cancelled', message: 'The batch was cancelled before this request was answered.' },
} as const

/**
 * Writes the files of a batch whose lines are answered, or will not be: each line stands in one of them, once. Done again
 * after it broke off, it writes the same.
 */
export async function finish(store: BatchStore, id: string): Promise<void> {
  const begun = await store.batch(id)
  if (!begun || isOver(begun)) return
  const isLate = seconds() >= begun.expires_at
  if (begun.status === 'validating' && isLate) {
    await store.change(id, (now) => (isOver(now) ? undefined : { ...now, status: 'expired', expired_at: seconds() }))
    return
  }
  const { total } = begun.request_counts
  const before = await store.answered(id)
  const isDone = before.completed + before.failed === total
  if (begun.status === 'validating' || (begun.status === 'in_progress' && !isDone && !isLate)) return
  if (begun.status === 'in_progress')
    await store.change(id, (now) =>
      now.status === 'in_progress' ? { ...now, status: 'finalizing', finalizing_at: seconds() } : undefined,
    )
  await store.seal(id)
  const counts = await store.answered(id)
  // Whoever ended it forgot the answers after that: so as long as it is not over, the counts are true.
  const batch = await store.batch(id)
  if (!batch || isOver(batch)) return
  const missing = total - counts.completed - counts.failed
  const outcome = outcomeOf(batch, missing)
  const why = outcome === 'completed' ? undefined : WITHOUT[outcome]

  const file = async (kind: 'output' | 'error', isWanted: boolean): Promise<string | null> => {
    if (!isWanted) return null
    const about = { id: `file-${kind}-${id}`, filename: `${id}_${kind}.jsonl`, purpose: 'batch_output' as const }
    const known = await store.file(about.id)
    return (known ?? (await store.addFile(about, answersOf(store, batch, kind, missing, why)))).id
  }
  const output = await file('output', counts.completed > 0)
  const errors = await file('error', counts.failed + missing > 0)
  await store.change(id, (now) => {
    if (isOver(now)) return undefined
    const ended = { output_file_id: output, error_file_id: errors, request_counts: { total, ...counts } }
    return { ...now, ...ended, status: outcome, [`${outcome}_at`]: seconds() }
  })
  await store.dropAnswers(id)
}

function outcomeOf({ status }: Batch, missing: number): 'completed' | keyof typeof WITHOUT {
  if (status === 'cancelling') return 'cancelled'
  return missing > 0 ? 'expired' : 'completed'
}

/** The lines of a file of answers, in the order of the questions. */
async function* answersOf(
  store: BatchStore,
  batch: Batch,
  kind: 'output' | 'error',
  missing: number,
  why: (typeof WITHOUT)[keyof typeof WITHOUT] | undefined,
): AsyncIterable<Uint8Array> {
  const { id } = batch
  const { total } = batch.request_counts
  const names = missing > 0 && kind === 'error' ? await namesOf(store, batch) : []
  let unanswered = 0
  for (let first = 0; first < total; first += GROUP) {
    const answers = await store.answers(id, first, Math.min(GROUP, total - first))
    const lines: object[] = []
    for (const [i, answer] of answers.entries()) {
      const line = first + i
      if (answer && isSuccess(answer) === (kind === 'output')) lines.push(answered(id, line, answer))
      if (answer) continue
      unanswered++
      if (kind === 'error' && why)
        lines.push({ id: idOf(id, line), custom_id: names[line], response: null, error: why })
    }
    // Somebody else has written the files meanwhile and forgotten the answers.
    if (unanswered > missing) throw new Error(`${id} was ended elsewhere`)
    yield Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  }
}

const answered = (batch: string, line: number, { custom_id, status, request_id, body }: LineAnswer): object => ({
  id: idOf(batch, line),
  custom_id,
  response: { status_code: status, request_id, body },
  error: null,
})

/** The same whoever answers, and however often. */
const idOf = (batch: string, line: number): string =>
  `batch_req_${createHash('sha256').update(`${batch}/${line}`).digest('hex').slice(0, 24)}`

/** What the lines of a batch that was checked call themselves. */
async function namesOf(store: BatchStore, { input_file_id: input }: Batch): Promise<readonly unknown[]> {
  const names: unknown[] = []
  for await (const { bytes } of linesOf(store.read(input), Infinity))
    names.push(JSON.parse(Buffer.from(bytes).toString('utf8')).custom_id)
  return names
}
