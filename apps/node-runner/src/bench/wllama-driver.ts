import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { dirname, extname, join, normalize } from 'node:path'
import { importPeer, peerPath } from './peers.js'
import { roundOf, type Driver, type Job } from './protocol.js'

/** The part of playwright-core in use. */
interface Playwright {
  readonly chromium: {
    launch(options: { executablePath: string; headless: boolean; args: string[]; env: Record<string, string> }): Promise<Browser>
  }
}
interface Browser {
  newPage(): Promise<Page>
  close(): Promise<void>
}
interface Page {
  setDefaultTimeout(ms: number): void
  goto(url: string): Promise<unknown>
  evaluate<T>(script: string): Promise<T>
}
/** The part of @sparticuz/chromium in use. */
interface Chromium {
  readonly default: { executablePath(): Promise<string> }
}

const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.wasm': 'application/wasm' }

/** Serves the peer's files and the model to one page, isolated so that threads can share memory. */
async function serve(folder: string, model: string): Promise<{ server: Server; url: string }> {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
    const file = path === '/model.gguf' ? model : join(folder, normalize(path))
    try {
      if (path === '/') response.writeHead(200, { ...isolation, 'Content-Type': 'text/html' }).end('<!doctype html>')
      else {
        const { size } = await stat(file)
        const type = TYPES[extname(file)] ?? 'application/octet-stream'
        response.writeHead(200, { ...isolation, 'Content-Type': type, 'Content-Length': size })
        createReadStream(file).pipe(response)
      }
    } catch {
      response.writeHead(404, isolation).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { server, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/` }
}

/** llama.cpp as WASM, in a headless Chromium that comes with the packages. */
export async function openWllama(job: Job): Promise<Driver> {
  const { chromium } = await importPeer<Playwright>('playwright-core', job)
  const { default: packaged } = await importPeer<Chromium>('@sparticuz/chromium', job)
  // On a server it unpacks Chromium's own libraries only when it believes that it is in a cloud function.
  process.env.AWS_LAMBDA_JS_RUNTIME ??= 'nodejs22.x'
  const executablePath = await packaged.executablePath()
  const { server, url } = await serve(dirname(peerPath('@wllama/wllama', job)), job.model)
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: ['--headless', '--no-sandbox', '--disable-quic', '--no-zygote'],
    env: { ...process.env, LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH ?? '' } as Record<string, string>,
  })
  const page = await browser.newPage()
  page.setDefaultTimeout(0)
  await page.goto(url)
  await page.evaluate(`(async () => {
    const { Wllama } = await import('/index.js')
    const blob = await (await fetch('/model.gguf')).blob()
    globalThis.w = new Wllama({ default: '/wasm/wllama.wasm' }, { suppressNativeLog: true })
    const context = ${Math.ceil((job.prompt.length + job.generate + 1) / 256) * 256}
    await w.loadModel([new File([blob], 'model.gguf')], { n_ctx: context, n_batch: 512, n_threads: ${job.threads}, n_gpu_layers: 0, warmup: false })
  })()`)
  const round = `(async () => {
    const start = performance.now()
    let first = 0
    const stream = await w.createCompletion({
      prompt: ${JSON.stringify(job.promptText)}, max_tokens: ${job.generate + 1}, temperature: 0, cache_prompt: false, stream: true, ignore_eos: true,
    })
    for await (const chunk of stream) if (!first && chunk.choices?.[0] && !chunk.choices[0].finish_reason) first = performance.now()
    return [start, first, performance.now()]
  })()`
  return {
    async round() {
      const [start, first, end] = await page.evaluate<[number, number, number]>(round)
      return roundOf(job, start, first, end)
    },
    peakRssBytes: async () => rendererPeak(executablePath),
    async dispose() {
      await browser.close()
      server.close()
    },
  }
}

/** Most memory of the browser's page processes, as Linux counts it; 0 where it does not say. */
async function rendererPeak(executablePath: string): Promise<number> {
  const { readdir } = await import('node:fs/promises')
  let peak = 0
  for (const pid of await readdir('/proc').catch(() => [])) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (!command.startsWith(executablePath) || !command.includes('--type=renderer')) continue
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024)
  }
  return peak
}
