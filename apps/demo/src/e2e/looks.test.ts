import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Page } from '@g3/chromium'
import { IS_WHOLE, siteInChromium } from '../testing/site-in-chromium.js'
import { violationsOf } from '../testing/violations.js'
import { visitor, type Visitor } from '../testing/visitor.js'

/** Where pictures of the pages at work go, to be looked at. */
const SHOTS = process.env.G3_SHOTS

const text = (page: Page, selector: string): Promise<string> =>
  page.until(`document.querySelector(${JSON.stringify(selector)})?.innerText`)

/** What a visitor does on each page, and what shows that it worked. Each is told the model that comes with the site. */
const PATHS: Readonly<Record<string, (visit: Visitor) => Promise<void>>> = {
  async tokenizer({ page, set }) {
    await set('Write or paste', 'a yellow heart')
    await page.until(`document.querySelector('.pieces')?.innerText.includes('heart')`)
    expect(await text(page, '.compare')).toMatch(/^The second text takes \d+ tokens more/)
    expect(await page.evaluate(`document.querySelectorAll('.costs tbody tr').length`)).toBe(14)
  },
  async vision({ page, press }) {
    await page.until(`document.querySelectorAll('.stage canvas').length === 3`)
    await press('Describe the image.')
    await page.until(`document.querySelector('.answer')?.innerText === 'a yellow heart and a purple triangle'`)
  },
  async memory({ page, press }) {
    const total = await text(page, '.memory-total strong')
    expect(total).toMatch(/[MG]B$/)
    await press('Fill')
    await page.until(`document.querySelectorAll('.cell-given-up').length > 10`)
    await page.evaluate(
      `(() => { const size = document.querySelector('select'); size.value = '27B'; size.dispatchEvent(new Event('change', { bubbles: true })) })()`,
    )
    await page.until(`document.querySelector('.memory-total strong').innerText !== ${JSON.stringify(total)}`)
  },
  async inside({ page, press }) {
    await page.until(`document.querySelectorAll('.lens tbody tr').length === 7`)
    expect(await text(page, '.next-one .next-text')).toBe('a')
    await press('Go on')
    await page.until(`document.querySelector('.strip-tokens')?.innerText.replaceAll('\\n', '').includes('␣heart')`)
    await press('Pause')
    const before = await page.evaluate<number>(`document.querySelectorAll('.strip-new').length`)
    await page.evaluate(`document.querySelectorAll('.strip-new')[0].click()`)
    await page.until(
      `document.querySelectorAll('.strip-token')[document.querySelectorAll('.strip-token').length - ${before}].ariaCurrent === 'true'`,
    )
    await page.until(
      `(() => { const other = document.querySelectorAll('.next-one:not(.next-taken):not(:disabled)')[1]; other?.click(); return other })()`,
    )
    await page.until(`document.querySelectorAll('[aria-label="Branches"] button').length === 2`)
  },
  async structured({ page, press }) {
    await press('Write')
    const written = `document.querySelector('.grown')?.innerText.replace('■', '')`
    await page.until(`document.body.innerText.includes('Complete: it fits the schema.')`)
    const value = JSON.parse(await page.evaluate<string>(written))
    expect(Object.keys(value)).toEqual(['shapes', 'count'])
    expect(await page.evaluate(`document.querySelectorAll('.choice').length`)).toBeGreaterThan(0)
  },
  async bench({ page, press, set }) {
    await set('Rounds', '2')
    await press('Measure')
    expect(Number((await text(page, '.figure strong')).replaceAll(',', ''))).toBeGreaterThan(0)
    expect(await page.evaluate(`document.querySelectorAll('.ops tbody tr').length`)).toBeGreaterThan(8)
  },
}

describe.skipIf(!IS_WHOLE)('the pages that take models apart, in headless Chromium', () => {
  const opened = siteInChromium()

  it.each(Object.entries(PATHS))('%s', async (path, walk) => {
    const { server, browser } = opened()
    const visit = await visitor(browser, `${server.url}#/${path}`)
    const { page } = visit
    await walk(visit)
    if (SHOTS !== undefined) {
      mkdirSync(SHOTS, { recursive: true })
      for (const [width, dark] of [
        [1440, false],
        [1440, true],
        [390, false],
        [390, true],
      ] as const) {
        await page.size(width, width === 390 ? 2600 : 1700, dark)
        await new Promise((resolve) => setTimeout(resolve, 400))
        writeFileSync(join(SHOTS, `${path}-${width}-${dark ? 'dark' : 'light'}.png`), await page.screenshot())
      }
      await page.size(390, 844)
    }
    const beyond = await page.evaluate<number>(`document.documentElement.scrollWidth - innerWidth`)
    expect(beyond).toBeLessThanOrEqual(0)
    expect(await violationsOf(page)).toEqual([])
    expect(page.errors).toEqual([])
    await page.close()
  })
})
