/** Put here by the build. */
declare const SITE_POLICY: string

/** A page with these may share memory among its threads. */
export const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
} as const

/** An answer with the headers that a server may lack. */
export function isolated(response: Response): Response {
  // An opaque answer, or a redirect, cannot be made anew.
  if (response.type === 'opaque' || response.type === 'opaqueredirect' || response.status === 0) return response
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value)
  // For the programs of workers, too, which have a policy of their own.
  headers.set('content-security-policy', SITE_POLICY)
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}

/** The part of a kept file that was asked for: caches keep whole ones only. */
export async function part(kept: Response, range: string | null): Promise<Response> {
  const asked = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(range ?? '')
  if (asked === null) return kept
  const whole = await kept.blob()
  const from = Number(asked[1])
  const last = asked[2] ? Math.min(Number(asked[2]), whole.size - 1) : whole.size - 1
  const headers = new Headers(kept.headers)
  if (from > last) {
    headers.set('content-range', `bytes */${whole.size}`)
    return new Response(null, { status: 416, headers })
  }
  headers.set('content-range', `bytes ${from}-${last}/${whole.size}`)
  headers.set('content-length', String(last - from + 1))
  return new Response(whole.slice(from, last + 1), { status: 206, headers })
}
