/** Bytes for people, in the units that stores and downloads use. */
export function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} KB`
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}

export const secondsText = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)

export const rateText = (perSecond: number): string =>
  `${perSecond >= 10 ? Math.round(perSecond) : perSecond.toFixed(1)} tokens/s`
