import { isG3Error } from '@g3/backend'

/** Why something was not measured. */
export interface Failure {
  readonly code: string
  readonly message: string
}

export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  return { code: isG3Error(error) ? error.code : 'bench/engine-failed', message }
}

export const lineOf = ({ code, message }: Failure): string => `${message} (${code})`
