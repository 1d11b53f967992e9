import { readFileSync } from 'node:fs'

/**
 * Most bytes of memory that this process has had. Linux counts into `maxRSS` what the process that started this one had
 * then, which VmHWM leaves out.
 */
export function peakRssBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return kibibytes === undefined ? process.resourceUsage().maxRSS * 1024 : Number(kibibytes) * 1024
}
