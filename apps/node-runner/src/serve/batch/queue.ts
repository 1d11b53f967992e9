/** A piece of work on a batch. All of them may be done twice, which changes nothing. */
export type Task =
  /** Checks a batch's file, then asks for each of its lines. */
  | { readonly kind: 'open'; readonly batch: string }
  /** Answers one line. */
  | {
      readonly kind: 'line'
      readonly batch: string
      /** Counted from 0 among those that are not empty. */
      readonly line: number
      /** Where it lies in the input file. */
      readonly from: number
      readonly bytes: number
    }
  /** Writes the files of a batch that is answered, cancelled or expired. */
  | { readonly kind: 'close'; readonly batch: string }

/** Hands tasks out: each at least once, and again where a worker died or failed. */
export interface BatchQueue {
  push(tasks: readonly Task[]): Promise<void>
  /** Whether nothing waits and nothing is worked on, anywhere. */
  isIdle(): Promise<boolean>
  /** Works on tasks from now on. */
  start(work: Work): void
  /** Takes no more tasks and stops those under way, which others do again. */
  close(): Promise<void>
}

export type Work = (task: Task, signal: AbortSignal) => Promise<void>

export interface QueueOptions {
  /** Tasks at a time, of this process. */
  readonly concurrency: number
  /** Told of failures; the task is tried again. */
  onFailure(problem: unknown): void
}
