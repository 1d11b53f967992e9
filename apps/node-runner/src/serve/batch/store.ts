import { ApiError } from '../api-error.js'
import { seconds, type Batch, type Counts, type FileObject, type LineAnswer } from './records.js'

/** Where files, batches and the answers to their lines lie, so that they outlive the processes that work on them. */
export interface BatchStore {
  /**
   * Keeps a file once all its bytes have come. Where there is one of this id already, that one stays.
   * @throws ApiError 413 where it has more bytes than `limits.fileBytes`, 507 where no room is left; what `bytes` throws
   */
  addFile(about: NewFile, bytes: AsyncIterable<Uint8Array>): Promise<FileObject>
  file(id: string): Promise<FileObject | undefined>
  /** The newest first. */
  files(): Promise<readonly FileObject[]>
  /** @param range which bytes; all of them where it is left out */
  read(id: string, range?: ByteRange): AsyncIterable<Uint8Array>
  /** @returns whether it was there */
  removeFile(id: string): Promise<boolean>

  addBatch(batch: Batch): Promise<void>
  batch(id: string): Promise<Batch | undefined>
  /** The newest first. */
  batches(): Promise<readonly Batch[]>
  /** Ids of those that are not over. */
  openBatches(): Promise<readonly string[]>
  /**
   * Changes a batch in one step, also where others do so at the same time: `change` may be called again.
   * @param change gives what becomes of it, or undefined to leave it
   * @returns what it is now; undefined where nothing was changed
   */
  change(id: string, change: (batch: Batch) => Batch | undefined): Promise<Batch | undefined>
  removeBatch(id: string): Promise<void>

  /**
   * Keeps the answer to a line. The first one stays: so a line that was answered twice has one answer.
   * @returns how many lines are answered; undefined where the batch is sealed
   */
  addAnswer(batch: string, line: number, answer: LineAnswer): Promise<Answered | undefined>
  /** No answers are taken from now on. */
  seal(batch: string): Promise<void>
  /** Answers to `count` lines from `first` on. */
  answers(batch: string, first: number, count: number): Promise<readonly (LineAnswer | undefined)[]>
  answered(batch: string): Promise<Answered>
  /** Forgets them, once they are in files. */
  dropAnswers(batch: string): Promise<void>
  close(): Promise<void>
}

export interface NewFile {
  readonly id: string
  readonly filename: string
  readonly purpose: FileObject['purpose']
  /** Asked once all bytes have come. Seconds since 1970. */
  expiresAt?(): number | undefined
}

export interface ByteRange {
  readonly from: number
  readonly bytes: number
}

export type Answered = Pick<Counts, 'completed' | 'failed'>

export interface StoreLimits {
  /** Of one file that is uploaded. */
  readonly fileBytes: number
  /** Of all files together. What batches write is counted, but never refused: its lines have been answered. */
  readonly totalBytes: number
}

/** Whether a line counts as completed. */
export const isSuccess = ({ status }: LineAnswer): boolean => status < 400

/**
 * Passes bytes on as long as the file and all of them together stay within their limits.
 * @param kept bytes of all other files
 */
export async function* limited(
  { purpose }: Pick<NewFile, 'purpose'>,
  bytes: AsyncIterable<Uint8Array>,
  { fileBytes, totalBytes }: StoreLimits,
  kept: number,
): AsyncIterable<Uint8Array> {
  let count = 0
  for await (const piece of bytes) {
    count += piece.length
    if (purpose === 'batch' && count > fileBytes) throw tooLarge(fileBytes)
    if (purpose === 'batch' && kept + count > totalBytes)
      throw new ApiError(
        507,
        'server_error',
        `the files that are kept may have ${totalBytes} bytes together: delete some`,
        { code: 'storage_full' },
      )
    yield piece
  }
}

/** What is told of a file that has come whole. */
export function keptFile({ id, filename, purpose, expiresAt }: NewFile, bytes: number): FileObject {
  const expires = expiresAt?.()
  return {
    id,
    object: 'file',
    bytes,
    created_at: seconds(),
    ...(expires !== undefined && { expires_at: expires }),
    filename,
    purpose,
    status: 'processed',
  }
}

const tooLarge = (fileBytes: number): ApiError =>
  new ApiError(413, 'invalid_request_error', `the file has more than ${fileBytes} bytes: split it`, {
    param: 'file',
    code: 'file_too_large',
  })
