import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROUTES } from '../app/routes.js'
import { IS_WHOLE, siteInChromium } from '../testing/site-in-chromium.js'
import { violationsOf } from '../testing/violations.js'

/** Where pictures of all pages go, to be looked at. */
const SHOTS = process.env.G3_SHOTS

describe.skipIf(!IS_WHOLE)('every page in headless Chromium', () => {
  const opened = siteInChromium()

  it.each([
    ['wide, light', 1440, 900, false],
    ['wide, dark', 1440, 900, true],
    ['a phone, light', 390, 844, false],
    ['a phone, dark', 390, 844, true],
  ])(
    'has no violation that axe finds, no error and nothing beyond its width: %s',
    async (name, width, height, dark) => {
      const { server, browser } = opened()
      const page = await browser.page()
      await page.size(width, height, dark)
      await page.goto(server.url)
      for (const { path, title } of ROUTES) {
        await page.evaluate(`void (location.hash = '#/${path}')`)
        await page.until(`document.title.startsWith(${JSON.stringify(title)}) && document.querySelector('h1')`)
        // What a page fetches when it is shown has a moment to come.
        await new Promise((resolve) => setTimeout(resolve, 300))
        expect(await violationsOf(page), `${path}, ${name}`).toEqual([])
        const beyond = await page.evaluate<number>(`document.documentElement.scrollWidth - innerWidth`)
        expect(beyond, `${path}, ${name}`).toBeLessThanOrEqual(0)
        if (SHOTS !== undefined) {
          mkdirSync(SHOTS, { recursive: true })
          writeFileSync(join(SHOTS, `${path}-${width}-${dark ? 'dark' : 'light'}.png`), await page.screenshot())
        }
      }
      expect(page.errors).toEqual([])
      await page.close()
    },
  )
})
