import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Model } from '@g3/runtime'
import { startServer, type Listening } from './server.js'
import { testApp, tinyModel } from './testing/tiny-app.js'

const HEAD_MS = 200

describe('the server, over a socket', () => {
  let model: Model
  let server: Listening
  beforeAll(async () => {
    model = await tinyModel(1)
    server = await startServer(testApp(model).fetch, { host: '127.0.0.1', port: 0, headMs: HEAD_MS })
  })
  afterAll(async () => {
    await server.close()
    await model[Symbol.asyncDispose]()
  })

  /** Sends bytes as they are; resolves with what came until the server closed. */
  const raw = (bytes: string): Promise<string> =>
    new Promise((resolve) => {
      let heard = ''
      const socket = connect(server.port, '127.0.0.1', () => socket.write(bytes))
      socket.on('data', (piece) => (heard += piece.toString('latin1')))
      socket.on('error', () => {})
      socket.on('close', () => resolve(heard))
    })
  const get = (path: string, more = ''): Promise<string> =>
    raw(`GET ${path} HTTP/1.1\r\nHost: g3\r\nConnection: close\r\n${more}\r\n`)
  const isUp = async (): Promise<boolean> => /^HTTP\/1.1 200 /.test(await get('/health'))

  it('cuts off who sends a head too slowly', async () => {
    const start = performance.now()
    expect(await raw('GET /health HTTP/1.1\r\nHost: g3\r\nX-Slow: ')).toMatch(/^HTTP\/1.1 408 /)
    expect(performance.now() - start).toBeGreaterThan(HEAD_MS / 2)
    expect(await isUp()).toBe(true)
  })

  it('refuses heads without end', async () => {
    expect(await get('/health', `X-Huge: ${'a'.repeat(1 << 16)}\r\n`)).toMatch(/^HTTP\/1.1 431 /)
    expect(await isUp()).toBe(true)
  })

  it.each([
    '/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/v1/models/..%2f..%2fhealth',
    '/%00',
    '/%ff%fe',
    '//health',
  ])('finds nothing at %s', async (path) => {
    expect(await get(path)).toMatch(/^HTTP\/1.1 40[04] /)
    expect(await isUp()).toBe(true)
  })
})
