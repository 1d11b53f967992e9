import type { Context } from 'hono'
import { until, type Served } from './served.js'

/** Work for one request: its signal ends with the connection, after the deadline, or when it is told to stop. */
export function running(
  { deadlineMs }: Served,
  c: Context,
): { readonly signal: AbortSignal; stop(problem?: unknown): void } {
  const stopped = new AbortController()
  const client = AbortSignal.any([c.req.raw.signal, stopped.signal])
  return { signal: until(client, deadlineMs), stop: (problem) => stopped.abort(problem) }
}

/** Waits for all texts of a request, and stops the others where one fails. */
export async function all<T>(stop: (problem: unknown) => void, work: readonly Promise<T>[]): Promise<T[]> {
  for (const one of work) one.catch(stop)
  const settled = await Promise.allSettled(work)
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}
