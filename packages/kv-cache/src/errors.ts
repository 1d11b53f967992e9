const MARK = Symbol.for('g3.error')

/** The error of this package; the same shape and mark as `G3Error` of `@g3/backend`, whose `isG3Error` knows it. */
export class G3Error extends Error {
  readonly code: string
  readonly [MARK] = true

  constructor(code: string, message: string) {
    super(message)
    this.name = 'G3Error'
    this.code = code
  }
}

/** Throws a {@link G3Error} unless `condition` holds. */
export function check(condition: boolean, code: string, message: () => string): asserts condition {
  if (!condition) throw new G3Error(code, message())
}
