import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a client asked for. */
export interface Asked {
  readonly path: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly authorization: string | undefined
}

export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly asked: Asked[]
  /** Body bytes handed to the network so far. */
  sent: number
}

export type Handler = (request: IncomingMessage, response: ServerResponse, server: TestServer) => void | Promise<void>

/** A server on this machine that notes each request before it answers. */
export async function testServer(handler: Handler): Promise<TestServer> {
  const http = createServer((request, response) => {
    const { range, authorization } = request.headers
    const ifRange = request.headers['if-range']
    server.asked.push({
      path: request.url ?? '',
      range,
      ifRange: typeof ifRange === 'string' ? ifRange : undefined,
      authorization,
    })
    void Promise.resolve(handler(request, response, server)).catch(() => response.destroy())
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const server: TestServer = {
    url: `http://127.0.0.1:${port}`,
    asked: [],
    sent: 0,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
  return server
}

export interface Serving {
  readonly bytes: Uint8Array
  readonly etag?: string
  readonly headers?: Record<string, string>
  /** Offsets in the file at which the connection is cut, each once. */
  readonly cuts?: number[]
  /** Waits after each {@link PIECE}. */
  readonly pieceMs?: number
}

const PIECE = 16 << 10

/** Serves one file with ranges and If-Range, as a good server does, and cuts connections where it is told to. */
export const serving =
  ({ bytes, etag = '"v1"', headers = {}, cuts = [], pieceMs = 0 }: Serving): Handler =>
  async (request, response, server) => {
    const wanted = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]
    const ifRange = request.headers['if-range']
    const start = wanted !== undefined && (ifRange === undefined || ifRange === etag) ? Number(wanted) : 0
    const common = { etag, 'accept-ranges': 'bytes', ...headers, 'content-length': bytes.byteLength - start }
    if (start === 0) response.writeHead(200, common)
    else
      response.writeHead(206, {
        ...common,
        'content-range': `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}`,
      })
    response.flushHeaders()
    for (let at = start; at < bytes.byteLength && !response.destroyed;) {
      const cut = cuts.find((offset) => offset >= at && offset < at + PIECE)
      const end = cut ?? Math.min(at + PIECE, bytes.byteLength)
      server.sent += end - at
      await new Promise((resolve) => response.write(bytes.subarray(at, end), resolve))
      if (cut !== undefined) {
        cuts.splice(cuts.indexOf(cut), 1)
        // What was written still travels.
        await sleep(5)
        response.destroy()
        return
      }
      at = end
      if (pieceMs > 0) await sleep(pieceMs)
    }
    response.end()
  }

/** Serves the ranges of a file that begins with `head` and goes on with zeros up to `size` bytes. */
export const servingRanges =
  (head: Uint8Array, size: number): Handler =>
  (request, response, server) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const start = Number(first)
    const end = Math.min(Number(last) + 1, size)
    if (!(start < end)) {
      response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
      return
    }
    const bytes = new Uint8Array(end - start)
    bytes.set(head.subarray(start, end))
    server.sent += bytes.byteLength
    response.writeHead(206, { etag: '"v1"', 'content-range': `bytes ${start}-${end - 1}/${size}` }).end(bytes)
  }
