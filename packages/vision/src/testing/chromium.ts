import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { build } from 'tsup'

/** A container has no user namespaces for the sandbox, and what runs here is our own page. */
const CHROMIUM_ARGS = ['--headless', '--no-sandbox', '--no-zygote', '--disable-gpu']
const PAGE = `<!doctype html><script type="module">
  import { digestAll } from '/digest-page.js'
  await digestAll()
</script>`

/**
 * What `digest` says of each file in a page of a headless Chromium, which npm brings for Linux, under each file's name.
 * @param folder an empty one, for the browser and the page's program
 */
export async function digestInChromium(
  files: ReadonlyMap<string, Uint8Array>,
  folder: string,
): Promise<Record<string, string>> {
  await buildPage(folder)
  const executable = await unpackChromium(folder)
  const { promise: posted, resolve, reject } = Promise.withResolvers<string>()
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '/'
    const send = (type: string, body: string | Uint8Array): void => {
      response.writeHead(200, { 'Content-Type': type }).end(body)
    }
    if (path === '/') send('text/html', PAGE)
    else if (path === '/names') send('application/json', JSON.stringify([...files.keys()]))
    else if (path.startsWith('/file/')) send('application/octet-stream', files.get(basename(path)) ?? '')
    else if (path === '/found') {
      resolve(await text(request))
      response.end()
    } else if (path.endsWith('.js')) send('text/javascript', await readFile(join(folder, basename(path))))
    else response.writeHead(404).end()
  }
  const server = createServer((request, response) => void answer(request, response).catch(reject))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const browser = spawn(executable, [
    ...CHROMIUM_ARGS,
    `--user-data-dir=${folder}/profile`,
    `http://127.0.0.1:${port}/`,
  ])
  browser.on('error', reject)
  browser.on('close', (code) => reject(new Error(`Chromium ended with ${code}`)))
  try {
    return JSON.parse(await posted) as Record<string, string>
  } finally {
    browser.kill()
    server.closeAllConnections()
    server.close()
  }
}

/** As a bundler does it for a page: what would need Node fails here. */
const buildPage = (folder: string): Promise<void> =>
  build({
    entry: [new URL('digest-page.ts', import.meta.url).pathname],
    outDir: folder,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    splitting: true,
    noExternal: [/./],
    config: false,
    silent: true,
  })

async function unpackChromium(folder: string): Promise<string> {
  // It unpacks to the temporary folder, and its libraries only where it believes to be in a cloud function.
  process.env.TMPDIR = folder
  process.env.AWS_LAMBDA_JS_RUNTIME ??= 'nodejs22.x'
  const { default: chromium } = await import('@sparticuz/chromium')
  return chromium.executablePath()
}
