import { isG3Error } from '@g3/backend'

/** What went wrong, for people: a message that says what to do, and a code to look it up by. */
export interface Failure {
  readonly code: string
  readonly message: string
}

/** Any error as a {@link Failure}. */
export function failureOf(error: unknown): Failure {
  if (isG3Error(error)) return { code: error.code, message: error.message }
  if (isFull(error)) {
    const message =
      'the storage that the browser gives this site is full: delete a model or a conversation, then try again'
    return { code: 'store/full', message }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'demo/unexpected', message: message || 'something unexpected happened: reload the page' }
}

/** Browsers say a full storage in their own way, by the error's name. */
export const isFull = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'name' in error && error.name === 'QuotaExceededError'

export const isAbort = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError'
