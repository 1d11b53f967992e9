import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { extname, join } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
}

/** With these a page may share memory among threads. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

export interface PageServer {
  /** Of the page. */
  readonly url: string
  close(): void
}

/** Serves a folder's files under `/` and the files of `named`, to this machine alone. `/` is an empty page unless it is named. */
export async function servePage(folder: string, named: Readonly<Record<string, string>>): Promise<PageServer> {
  const answer = async (path: string, response: ServerResponse): Promise<void> => {
    const file = named[path] ?? join(folder, path)
    const found = await stat(file).catch(() => undefined)
    if (!found?.isFile()) {
      response.writeHead(404, ISOLATION).end()
      return
    }
    const type = TYPES[extname(file)] ?? 'application/octet-stream'
    response.writeHead(200, { ...ISOLATION, 'Content-Type': type, 'Content-Length': found.size })
    createReadStream(file).pipe(response)
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === '/' && named['/'] === undefined) response.writeHead(200, { ...ISOLATION, 'Content-Type': 'text/html' }).end('<!doctype html>')
    else void answer(pathname, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const close = (): void => {
    server.close()
    // A browser keeps its connections for later.
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${port}/`, close }
}
