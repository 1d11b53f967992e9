export { CHROMIUM_ARGS, unpackChromium } from './unpack.ts'
export { openBrowser, type Browser, type BrowserOptions } from './browser.ts'
export type { Page } from './page.ts'
