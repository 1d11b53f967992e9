import { isG3Error } from '@g3/backend'

/** Why something was not measured. */
export interface Failure {
  readonly code: string
  readonly message: string
}

/** Some engines tell pages. */
const MOST_CHARACTERS = 400

export function failureOf(error: unknown): Failure {
  const text = error instanceof Error ? error.message : String(error)
  const message = text.replace(/\s*\n\s*/g, ' ').slice(0, MOST_CHARACTERS)
  return { code: isG3Error(error) ? error.code : 'bench/engine-failed', message }
}

export const lineOf = ({ code, message }: Failure): string => `${message} (${code})`
