/** An error by a name of the specification. */
export const domError = (
  name: 'AbortError' | 'InvalidStateError' | 'NotSupportedError' | 'SyntaxError' | 'DataError',
  message: string,
): DOMException => new DOMException(message, name)

type QuotaError = new (message: string, sizes: { readonly quota: number; readonly requested: number }) => DOMException

const isQuotaError = (value: unknown): value is QuotaError => typeof value === 'function'

/** A QuotaExceededError, the host's own where it has that class, with `requested` and `quota` in tokens. */
export function quotaExceeded(requested: number, quota: number): DOMException {
  const message = `the input takes ${requested} tokens, and the context has room for ${quota}: shorten it`
  const Own: unknown = Reflect.get(globalThis, 'QuotaExceededError')
  if (isQuotaError(Own)) return new Own(message, { quota, requested })
  return Object.assign(new DOMException(message, 'QuotaExceededError'), { requested, quota })
}
