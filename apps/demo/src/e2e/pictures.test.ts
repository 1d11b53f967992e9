import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { IS_WHOLE, siteInChromium } from '../testing/site-in-chromium.js'
import { drop } from '../testing/drop.js'
import { visitor, type Visitor } from '../testing/visitor.js'

const EXAMPLES = new URL('../../../node-runner/fixtures/tiny-vision/examples/', import.meta.url)
const PAIR = fileURLToPath(new URL('pair.png', EXAMPLES))
const NUMBER = fileURLToPath(new URL('number.png', EXAMPLES))
const NO_PICTURE = fileURLToPath(import.meta.url)

/** Pictures that wait to be sent. */
const waiting = ({ page }: Visitor, count: number): Promise<unknown> =>
  page.until(`document.querySelectorAll('.composer-images img').length === ${count}`)

/** What a visitor has copied is pasted where the focus is, as the browser's own paste does it. */
async function paste({ page }: Visitor, address: string): Promise<void> {
  await page.send('Browser.grantPermissions', { permissions: ['clipboardReadWrite', 'clipboardSanitizedWrite'] })
  await page.send('Page.bringToFront')
  await page.evaluate(`(async () => {
    const blob = await (await fetch(${JSON.stringify(address)})).blob()
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })])
  })()`)
  await page.click('.composer textarea')
  await page.send('Input.dispatchKeyEvent', {
    type: 'keyDown',
    key: 'v',
    code: 'KeyV',
    modifiers: 2,
    commands: ['paste'],
  })
  await page.send('Input.dispatchKeyEvent', { type: 'keyUp', key: 'v', code: 'KeyV', modifiers: 2 })
}

describe.skipIf(!IS_WHOLE)('pictures for the chat, in headless Chromium', () => {
  const opened = siteInChromium()

  it('reads pictures that are dropped and pasted, and says which it leaves out', async () => {
    const { server, browser } = opened()
    const visit = await visitor(browser, server.url)
    const { page } = visit
    // The model is there when the first answer is.
    await page.click('.example')
    await visit.answer()
    await visit.press('New conversation')

    await drop(page, '.composer', [PAIR])
    await waiting(visit, 1)
    await visit.say('Describe the image.')
    expect(await visit.answer()).toBe('a yellow heart and a purple triangle')
    expect(await page.evaluate(`document.querySelectorAll('.composer-images img').length`)).toBe(0)

    await visit.press('New conversation')
    await paste(visit, './examples/number.png')
    await waiting(visit, 1)
    await visit.say('What does it say?')
    expect(await visit.answer()).toBe('43')

    await drop(page, '.composer', [PAIR, NUMBER, PAIR, NUMBER, PAIR])
    await waiting(visit, 4)
    const notice = `document.querySelector('.composer .notice')?.innerText ?? ''`
    await page.until(`${notice}.includes('4 pictures')`)
    await visit.press('Leave out picture 1')
    await waiting(visit, 3)
    await drop(page, '.composer', [NO_PICTURE])
    await page.until(`${notice}.includes('no picture')`)
    await waiting(visit, 3)
    expect(page.errors).toEqual([])
    await page.close()
  })
})
