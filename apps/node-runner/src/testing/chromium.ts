import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHROMIUM_ARGS, unpackChromium } from '@g3/chromium'
import { build } from 'tsup'

/** A browser that is driven through pipes ends when they do: it outlives nobody. */
const PIPES = { args: ['--remote-debugging-pipe'], stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] } as const

const ISOLATING = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

export interface PageCall {
  /** A module of ours, which is bundled as a user's bundler would: with the conditions of a browser. */
  readonly module: string
  /** Its export that is called, and with what. */
  readonly name: string
  readonly argument: unknown
  /** What the page may fetch, by path. */
  readonly files: Readonly<Record<string, string>>
  /** Programs of workers, which are bundled alike: each is `/NAME.js`. */
  readonly workers?: Readonly<Record<string, string>>
  /** Whether the page is cross-origin isolated, so that it may share memory with its threads. */
  readonly isolated?: boolean
  readonly timeoutMs: number
}

/**
 * Calls a function in a page of a headless Chromium and gives what it resolves to.
 * @throws Error what it throws, or that nothing came in time
 */
export async function inChromium(call: PageCall): Promise<unknown> {
  const { module, name, argument, files, timeoutMs, workers = {}, isolated = false } = call
  const folder = mkdtempSync(join(tmpdir(), 'g3-chromium-'))
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const html = `<!doctype html><script type="module">
    const send = (path, value) => fetch(path, { method: 'POST', body: JSON.stringify(value) })
    try {
      const { ${name} } = await import('/module.js')
      await send('/result', await ${name}(${JSON.stringify(argument) ?? ''}))
    } catch (error) { await send('/error', String(error?.stack ?? error)) }
  </script>`
  await build({
    entry: { ...workers, module },
    outDir: folder,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    noExternal: [/./],
    splitting: false,
    config: false,
    silent: true,
  })
  const server = createServer(async (request, response) => {
    for (const [header, value] of Object.entries(isolated ? ISOLATING : {})) response.setHeader(header, value)
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === '/result') resolve(JSON.parse(await bodyOf(request)))
    else if (pathname === '/error') reject(new Error(`in Chromium: ${await bodyOf(request)}`))
    const isBundle = pathname.endsWith('.js') && (pathname === '/module.js' || pathname.slice(1, -3) in workers)
    const file = isBundle ? join(folder, pathname) : files[pathname]
    if (pathname === '/') response.setHeader('Content-Type', 'text/html').end(html)
    else if (file === undefined) response.writeHead(404).end()
    else {
      response.setHeader('Content-Type', 'text/javascript')
      sendPart(readFileSync(file), request.headers.range, response)
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const { path, env } = await unpackChromium(folder)
  const args = [...CHROMIUM_ARGS, ...PIPES.args, `--user-data-dir=${folder}/user`, `http://127.0.0.1:${port}/`]
  const browser = spawn(path, args, { env, stdio: [...PIPES.stdio], detached: true })
  const ended = once(browser, 'exit')
  const timer = setTimeout(() => reject(new Error(`Chromium gave no result in ${timeoutMs} ms`)), timeoutMs)
  ended.then(([code]) => reject(new Error(`Chromium ended with ${code}`)), reject)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    // With its children, which are of its group.
    if (browser.pid !== undefined && browser.exitCode === null) process.kill(-browser.pid, 'SIGKILL')
    await ended.catch(() => undefined)
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** All of a file, or the part of it that was asked for. */
function sendPart(file: Uint8Array, range: string | undefined, response: ServerResponse): void {
  const asked = /^bytes=(\d+)-(\d+)$/.exec(range ?? '')
  if (asked === null) {
    response.end(file)
    return
  }
  const from = Number(asked[1])
  const part = file.subarray(from, Number(asked[2]) + 1)
  const place = `bytes ${from}-${from + part.length - 1}/${file.length}`
  response.writeHead(206, { 'Content-Range': place }).end(part)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
