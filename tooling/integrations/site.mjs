import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.css': 'text/css',
}
/** With these a page may share memory among threads. */
export const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

/**
 * A folder over HTTP.
 * @param {string} folder
 * @param {{ headers?: Record<string, string>, files?: Record<string, string> }} [options] `files`: path -> file elsewhere
 * @returns {Promise<{ url: string } & AsyncDisposable>}
 */
export async function serve(folder, { headers = ISOLATED, files = {} } = {}) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://a').pathname)
    const inside = normalize(path.endsWith('/') ? `${path}index.html` : path)
    try {
      const body = await readFile(files[inside] ?? join(folder, inside))
      response
        .writeHead(200, { ...headers, 'content-type': TYPES[extname(inside)] ?? 'application/octet-stream' })
        .end(body)
    } catch {
      response.writeHead(404, headers).end()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
