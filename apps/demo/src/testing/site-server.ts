import { once } from 'node:events'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname, join, normalize } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
}

export interface SiteServer extends AsyncDisposable {
  readonly url: string
  /** Whether answers are given, or connections cut, as when the network is gone. */
  isUp: boolean
}

export interface SiteOptions {
  readonly folder: string
  /** Sent with each answer; a plain static host sends none. */
  readonly headers?: Readonly<Record<string, string>>
  /** Answers addresses of a test's own; gives false for those of the site. */
  readonly more?: (request: IncomingMessage, response: ServerResponse) => boolean
}

/** Serves the built site as a static host does. */
export async function siteServer({ folder, headers = {}, more }: SiteOptions): Promise<SiteServer> {
  const http = createServer((request, response) => {
    if (!server.isUp) return void request.socket.destroy()
    if (more?.(request, response)) return
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const path = join(folder, normalize(pathname === '/' ? '/index.html' : decodeURIComponent(pathname)))
    if (!existsSync(path) || !statSync(path).isFile()) return void response.writeHead(404).end()
    const { size } = statSync(path)
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const start = Number(first ?? 0)
    const end = last ? Math.min(Number(last), size - 1) : size - 1
    response.writeHead(first === undefined ? 200 : 206, {
      ...headers,
      'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      'content-length': end - start + 1,
      'cache-control': 'no-cache',
      ...(first !== undefined && { 'content-range': `bytes ${start}-${end}/${size}` }),
    })
    createReadStream(path, { start, end }).pipe(response)
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const address = http.address()
  const server: SiteServer = {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`,
    isUp: true,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
  return server
}
