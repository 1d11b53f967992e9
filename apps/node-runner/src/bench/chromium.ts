import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { servePage } from './page-server.js'
import { importPeer, packagesOf } from './peers.js'
import type { Job } from './protocol.js'

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

/** A page of our own in a headless Chromium. */
export interface ChromiumPage {
  /** What the script's value is, or the promise's that it is. */
  evaluate<T>(script: string): Promise<T>
  /** Most memory that the page's process held. */
  peakRssBytes(): Promise<number>
  close(): Promise<void>
}

/**
 * Opens an empty page in the Chromium that comes with the job's packages. Its server has the files of `folder` and the
 * model as `/model.gguf`; threads may share memory there.
 * @throws G3Error `bench/no-peer` for a job without packages
 */
export async function openPage(job: Job, folder: string): Promise<ChromiumPage> {
  const executablePath = await unpackChromium(job, join(packagesOf(job), 'browser'))
  const server = await servePage(folder, { '/model.gguf': job.model })
  const { default: playwright } = await importPeer<Playwright>('playwright-core', job)
  const browser = await playwright.chromium.launch({ executablePath, args: CHROMIUM_ARGS })
  const page = await browser.newPage()
  await page.goto(server.url)
  return {
    evaluate: (script) => page.evaluate(script),
    peakRssBytes: pagePeak,
    async close() {
      await browser.close()
      server.close()
    },
  }
}

/** Most memory that a page of this process's browser held, as Linux counts it. */
async function pagePeak(): Promise<number> {
  const processes = new Map<number, { readonly parent: number; readonly peak: number; readonly isPage: boolean }>()
  const read = (pid: string, file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const [status, command] = [await read(pid, 'status'), await read(pid, 'cmdline')]
    processes.set(Number(pid), {
      parent: Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0),
      peak: Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024,
      isPage: command.includes('--type=renderer'),
    })
  }
  const isOurs = (pid: number): boolean => {
    const parent = processes.get(pid)?.parent
    return parent !== undefined && (parent === process.pid || isOurs(parent))
  }
  return Math.max(0, ...[...processes].filter(([pid, { isPage }]) => isPage && isOurs(pid)).map(([, { peak }]) => peak))
}
