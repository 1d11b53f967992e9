import { G3Error, isG3Error } from '@g3/backend'

/** An error as it crosses: an error's own code and marks would not survive cloning. */
export interface WireError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Of a {@link G3Error}. */
  readonly code?: string
  readonly cause?: WireError
}

/** Errors may name one another in a ring. */
const DEPTH = 4

export function toWire(error: unknown, depth = DEPTH): WireError {
  if (!(error instanceof Error) && !isDomException(error)) {
    return { name: 'Error', message: String(error), stack: undefined }
  }
  const { name, message, stack } = error
  const cause = 'cause' in error && error.cause !== undefined && depth > 1 ? toWire(error.cause, depth - 1) : undefined
  return { name, message, stack, ...(isG3Error(error) && { code: error.code }), ...(cause && { cause }) }
}

/** The error with its code, its message and where it came from; a `DOMException` becomes one again. */
export function fromWire({ name, message, stack, code, cause }: WireError): Error {
  const options = cause && { cause: fromWire(cause) }
  const error = code === undefined ? plainError(name, message, options) : new G3Error(code, message, options)
  if (stack !== undefined) Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
  return error
}

function plainError(name: string, message: string, options: ErrorOptions | undefined): Error {
  if (DOM_NAMES.includes(name)) return new DOMException(message, name)
  const error = new Error(message, options)
  error.name = name
  return error
}

/** Those that browsers and Node throw at whoever aborts, clones or stores. */
const DOM_NAMES = ['AbortError', 'TimeoutError', 'DataCloneError', 'QuotaExceededError', 'NotReadableError']

const isDomException = (error: unknown): error is DOMException =>
  typeof DOMException === 'function' && error instanceof DOMException
