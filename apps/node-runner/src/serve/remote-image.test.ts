import { readFileSync } from 'node:fs'
import { createServer, get, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isPublic, remoteImages, type RemoteImageOptions } from './remote-image.js'
import { testApp, tinyModel } from './testing/tiny-app.js'

const PICTURE = readFileSync(new URL('../../fixtures/tiny-vision/examples/pair.png', import.meta.url))

const ANSWERS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/image.png': (response) => response.end(PICTURE),
  '/gone': (response) => response.writeHead(404).end(),
  '/moved': (response) => response.writeHead(302, { location: '/image.png' }).end(),
  '/large': (response) => {
    for (let n = 0; n < 64; n++) response.write(Buffer.alloc(4096))
    response.end()
  },
  '/slow': (response) => void response.write('a'),
}

let server: Server
let port = 0
beforeAll(async () => {
  server = createServer(({ url = '' }, response) => ANSWERS[url]?.(response))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

/** What fetches from the server above, by http. */
const images = (options: Partial<RemoteImageOptions> = {}) =>
  remoteImages({
    hosts: ['localhost'],
    mostBytes: 1 << 16,
    timeoutMs: 500,
    get: get as RemoteImageOptions['get'] & {},
    isAllowed: () => true,
    ...options,
  })

const ask = (path: string, options?: Partial<RemoteImageOptions>, host = 'localhost') =>
  images(options)(new URL(`http://${host}:${port}${path}`), 'messages[0]', new AbortController().signal)

describe('images at addresses', () => {
  it('are fetched from hosts that were named', async () => {
    expect(Buffer.from(await ask('/image.png'))).toEqual(PICTURE)
  })

  it.each<[string, RegExp, Parameters<typeof ask>]>([
    ['of another host', /fetches no images from 127/, ['/image.png', {}, '127.0.0.1']],
    ['at an address that was named', /a name, not an address/, ['/image.png', { hosts: ['127.0.0.1'] }, '127.0.0.1']],
    ['at a name that leads inside', /none of the public internet/, ['/image.png', { isAllowed: isPublic }]],
    ['that are elsewhere', /redirected/, ['/moved']],
    ['that are not there', /answered 404/, ['/gone']],
    ['that are too large', /more than 65536 bytes/, ['/large']],
    ['that take too long', /longer than 0.5 s/, ['/slow']],
  ])('are refused %s', async (_, message, args) => {
    await expect(ask(...args)).rejects.toMatchObject({ status: 400, message: expect.stringMatching(message) })
  })

  it('end with the client', async () => {
    const stop = new AbortController()
    const asked = images()(new URL(`http://localhost:${port}/slow`), 'messages[0]', stop.signal)
    stop.abort(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
  })

  it('are seen as those in data URLs, and by https only', async () => {
    await using model = await tinyModel(1)
    const { fetch } = testApp(model, { fetchImage: async () => PICTURE })
    const see = async (url: string) => {
      const body = {
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
        max_tokens: 3,
        temperature: 0,
      }
      const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
      const response = await fetch(new Request('http://g3/v1/chat/completions', request))
      return { status: response.status, answer: await response.json() }
    }
    const { status, answer } = await see('https://images.example.com/a.png')
    const data = await see(`data:image/png;base64,${PICTURE.toString('base64')}`)
    expect([status, answer.choices]).toEqual([200, data.answer.choices])
    expect((await see('http://images.example.com/a.png')).status).toBe(400)
    expect((await see('https://images.example.com:8443/a.png')).status).toBe(400)
  })
})

it.each([
  ['8.8.8.8', true],
  ['2606:4700::1111', true],
  ['127.0.0.1', false],
  ['10.1.2.3', false],
  ['169.254.169.254', false],
  ['172.31.0.1', false],
  ['100.64.1.1', false],
  ['255.255.255.255', false],
  ['::1', false],
  ['::ffff:10.0.0.1', false],
  ['fd00::1', false],
  ['fe80::1', false],
  ['64:ff9b::a00:1', false],
  ['2002:a00:1::', false],
  ['no address', false],
])('%s is an address of the world: %s', (address, expected) => {
  expect(isPublic(address)).toBe(expected)
})
