const MARK = Symbol.for('g3.error')

/**
 * Errors of this package, of the same shape as `@g3/backend`'s: a stable `code` (`area/problem`) for programs and a
 * message for people. This package depends on nothing, so it carries its own copy; `Symbol.for('g3.error')` marks both.
 */
export class G3Error extends Error {
  readonly code: string
  readonly [MARK] = true

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'G3Error'
    this.code = code
  }
}

/** Throws a {@link G3Error} unless `condition` holds. Pass a function where building the message costs something. */
export function check(condition: boolean, code: string, message: string | (() => string)): asserts condition {
  if (!condition) throw new G3Error(code, typeof message === 'string' ? message : message())
}
