import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy'
import { ApiError, badRequest } from '../api-error.js'
import { seconds, type FileObject } from './records.js'
import type { BatchStore } from './store.js'

const FIELDS = { fieldNameSize: 100, fieldSize: 1000, fields: 20, files: 1, parts: 21, headerPairs: 20 }

/** OpenAI's bounds for `expires_after[seconds]`. */
const [SHORTEST, LONGEST] = [3600, 2_592_000]

interface Arrived {
  readonly stream: BusboyFileStream
  readonly filename: string
}

/**
 * Takes a file out of a form as it comes, so that it is never whole in memory.
 * @throws ApiError 400 for a form that is none, or of other fields; 413, 507 as `store.addFile`
 */
export async function upload(request: Request, store: BatchStore): Promise<FileObject> {
  if (!request.body) throw badRequest('send a form (multipart/form-data) with a file and its purpose', 'file')
  const form = formOf(request.headers.get('content-type') ?? '')
  const fields = new Map<string, string>()
  form.on('field', (name, value) => void fields.set(name, value))
  const arrived = Promise.withResolvers<Arrived | undefined>()
  form.on('file', (name, stream, filename) => {
    // What comes after a failure of ours is nobody's error any more.
    stream.on('error', () => {})
    if (name === 'file') arrived.resolve({ stream, filename })
    else stream.resume()
  })
  const done = new AbortController()
  const read = pipeline(Readable.from(pieces(request.body)), form, { signal: done.signal })
  read.then(() => arrived.resolve(undefined), arrived.reject)
  try {
    const file = await arrived.promise
    if (!file) throw badRequest('the form has no file named file', 'file')
    const { stream, filename } = file
    read.catch((problem: Error) => stream.destroy(problem))
    const whole = async function* (): AsyncIterable<Uint8Array> {
      yield* stream
      // A form may say after the file what it is for.
      await read
      checkFields(fields)
    }
    return await store.addFile(
      {
        id: `file-${randomUUID().replaceAll('-', '')}`,
        filename: filename.slice(0, 255) || 'file.jsonl',
        purpose: 'batch',
        expiresAt: () => expiryOf(fields),
      },
      whole(),
    )
  } catch (problem) {
    if (problem instanceof ApiError) throw problem
    // What the form's reader says is about what was sent; failures to keep it are ours.
    const isForm = await isFailed(read, problem)
    throw isForm ? badRequest(`the form cannot be read: ${messageOf(problem)}`) : problem
  } finally {
    done.abort()
    await read.catch(() => {})
  }
}

async function* pieces(body: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const piece of body) yield piece
}

function formOf(type: string): BusboyInstance {
  if (!/^multipart\/form-data;/i.test(type))
    throw badRequest('send a form: the content type is multipart/form-data with a boundary')
  try {
    return new Busboy({ headers: { 'content-type': type }, limits: FIELDS })
  } catch (problem) {
    throw badRequest(`the form cannot be read: ${messageOf(problem)}`)
  }
}

function checkFields(fields: ReadonlyMap<string, string>): void {
  if (fields.get('purpose') !== 'batch') throw badRequest('the only purpose here is batch', 'purpose')
  expiryOf(fields)
}

function expiryOf(fields: ReadonlyMap<string, string>): number | undefined {
  const [anchor, after] = [fields.get('expires_after[anchor]'), fields.get('expires_after[seconds]')]
  if (anchor === undefined && after === undefined) return undefined
  if (anchor !== 'created_at') throw badRequest('the only anchor is created_at', 'expires_after')
  const count = Number(after)
  if (!Number.isInteger(count) || count < SHORTEST || count > LONGEST)
    throw badRequest(`expires_after[seconds] is a whole number from ${SHORTEST} to ${LONGEST}`, 'expires_after')
  return seconds() + count
}

const isFailed = (read: Promise<void>, problem: unknown): Promise<boolean> =>
  Promise.race([
    read.then(
      () => false,
      (reason: unknown) => reason === problem,
    ),
    new Promise<boolean>((resolve) => setImmediate(() => resolve(false))),
  ])

const messageOf = (problem: unknown): string => (problem instanceof Error ? problem.message : String(problem))
