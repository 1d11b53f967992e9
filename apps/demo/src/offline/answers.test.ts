import { beforeAll, describe, expect, it, vi } from 'vitest'
import { isolated, part } from './answers.js'

beforeAll(() => void vi.stubGlobal('SITE_POLICY', "default-src 'none'"))

const file = (): Response =>
  new Response(
    Uint8Array.from({ length: 10 }, (_, i) => i),
    { headers: { etag: '"a"', 'content-length': '10' } },
  )
const bytesOf = async (response: Response): Promise<number[]> => [...new Uint8Array(await response.arrayBuffer())]

describe('part', () => {
  it.each([
    ['bytes=2-4', 'bytes 2-4/10', [2, 3, 4]],
    ['bytes=8-', 'bytes 8-9/10', [8, 9]],
    ['bytes=8-99', 'bytes 8-9/10', [8, 9]],
  ])('%s', async (range, place, bytes) => {
    const answer = await part(file(), range)
    expect(answer.status).toBe(206)
    expect(answer.headers.get('content-range')).toBe(place)
    expect(answer.headers.get('content-length')).toBe(String(bytes.length))
    expect(answer.headers.get('etag')).toBe('"a"')
    expect(await bytesOf(answer)).toEqual(bytes)
  })

  it('gives the whole where no part, or more than one, was asked for', async () => {
    for (const range of [null, 'bytes=0-1,3-4', 'lines=1-2']) {
      const answer = await part(file(), range)
      expect(answer.status).toBe(200)
      expect(await bytesOf(answer)).toHaveLength(10)
    }
  })

  it('refuses what lies behind the end', async () => {
    const answer = await part(file(), 'bytes=10-')
    expect(answer.status).toBe(416)
    expect(answer.headers.get('content-range')).toBe('bytes */10')
  })
})

describe('isolated', () => {
  it('adds what lets threads share memory, and the policy, to pages and to the programs of workers', () => {
    const page = isolated(new Response('', { status: 200, headers: { 'content-type': 'text/html' } }))
    expect(page.headers.get('cross-origin-embedder-policy')).toBe('require-corp')
    expect(page.headers.get('cross-origin-opener-policy')).toBe('same-origin')
    expect(page.headers.get('content-security-policy')).toBe("default-src 'none'")
    const script = isolated(new Response('', { status: 404, headers: { 'content-type': 'text/javascript' } }))
    expect(script.status).toBe(404)
    expect(script.headers.get('cross-origin-embedder-policy')).toBe('require-corp')
    expect(script.headers.get('content-security-policy')).toBe("default-src 'none'")
  })
})
