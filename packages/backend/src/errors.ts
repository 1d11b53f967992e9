const MARK = Symbol.for('g3.error')

/**
 * The one error type of all packages. `code` is stable (`area/problem`, e.g. `gguf/bad-magic`) and meant for programs;
 * the message is meant for people and says what to do.
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

/** True for a {@link G3Error} from any copy of this package (two versions may be installed side by side). */
export const isG3Error = (value: unknown): value is G3Error =>
  typeof value === 'object' && value !== null && MARK in value

/** Throws a {@link G3Error} unless `condition` holds. For checks at the edges; kernels do not recheck. */
export function check(condition: boolean, code: string, message: string | (() => string)): asserts condition {
  if (!condition) throw new G3Error(code, typeof message === 'string' ? message : message())
}
