import { openBrowser, type Browser } from '@g3/chromium'
import { afterAll, beforeAll } from 'vitest'
import { builtSite } from './built-site.js'
import { siteServer, type SiteOptions, type SiteServer } from './site-server.js'

export interface Opened {
  readonly folder: string
  readonly server: SiteServer
  readonly browser: Browser
}

/** Building and unpacking a browser take seconds, and more on a busy machine. */
const START_MS = 90_000

export const HAS_CHROMIUM = process.platform === 'linux' && process.arch === 'x64'

/** Whether all paths are walked: with `G3_CHROMIUM` or in CI. Each starts a browser, and takes up to half a minute. */
export const IS_WHOLE = HAS_CHROMIUM && (process.env.G3_CHROMIUM !== undefined || process.env.G3_TESTS === 'whole')

/** For the tests of a suite: the built site on a plain host, and a browser. Call what it gives within tests. */
export function siteInChromium(options: Omit<SiteOptions, 'folder'> = {}): () => Opened {
  const closing: (() => unknown)[] = []
  let opened: Opened | undefined
  beforeAll(async () => {
    const [site, browser] = await Promise.all([builtSite(), openBrowser()])
    closing.push(
      () => browser[Symbol.asyncDispose](),
      () => site[Symbol.dispose](),
    )
    const server = await siteServer({ folder: site.folder, ...options })
    closing.push(() => server[Symbol.asyncDispose]())
    opened = { folder: site.folder, server, browser }
  }, START_MS)
  afterAll(async () => {
    for (const close of closing) await close()
  }, START_MS)
  return () => {
    if (opened === undefined) throw new Error('the site is there within tests')
    return opened
  }
}
