import { check } from '@g3/backend'

export const canShare = (): boolean => typeof SharedArrayBuffer === 'function' && (globalThis.crossOriginIsolated ?? true)

/**
 * Threads that compute: what is wanted, or what the machine reports; one where memory is not shared.
 * @throws G3Error `cpu/options`
 */
export const threadCount = (wanted = globalThis.navigator?.hardwareConcurrency ?? 1, shared = canShare()): number => {
  check(Number.isInteger(wanted) && wanted >= 1 && wanted <= 64, 'cpu/options', `threads must be 1 to 64, not ${wanted}`)
  return shared ? wanted : 1
}
