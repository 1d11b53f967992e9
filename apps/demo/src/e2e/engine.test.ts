import { createReadStream, existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Page } from '@g3/chromium'
import { HAS_CHROMIUM, siteInChromium } from '../testing/site-in-chromium.js'
import { visitor } from '../testing/visitor.js'

const CACHE = process.env.G3_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'g3')
const REAL = join(CACHE, 'models', 'gemma-3-270m', 'gemma-3-270m-q4_k_m.gguf')

/** Minutes, and a machine of its own: `G3_CHROMIUM=1 npm test -- apps/demo/src/e2e/engine`. */
const IS_MEASURED = HAS_CHROMIUM && process.env.G3_CHROMIUM !== undefined
const COMPILE_MS = 300_000

const TOP = `document.querySelector('.chat-scroll').scrollTop`

/** Turns the wheel, to and fro, until the answer is there. @throws where the page never moved: nothing was tried then */
async function scrollWhileWriting(page: Page): Promise<void> {
  const isWriting = `Boolean(document.querySelector('.composer [aria-label=Stop]'))`
  await page.until(`${isWriting} && document.querySelector('.chat-scroll').scrollHeight > 600`, 120_000)
  const place = await page.evaluate<{ x: number; y: number }>(
    `(({ x, y }) => ({ x: x + 100, y: y + 60 }))(document.querySelector('.chat-scroll').getBoundingClientRect())`,
  )
  const tops = new Set<number>()
  for (let turn = 0; await page.evaluate<boolean>(isWriting); turn++) {
    const deltaY = turn % 20 < 10 ? -60 : 60
    await page.send('Input.dispatchMouseEvent', { type: 'mouseWheel', ...place, deltaX: 0, deltaY })
    tops.add(await page.evaluate<number>(TOP))
  }
  expect(tops.size).toBeGreaterThan(10)
}

describe.skipIf(!IS_MEASURED)('what the site runs on, in headless Chromium', () => {
  const opened = siteInChromium({
    more(request, response) {
      if (request.url !== '/real.gguf' || !existsSync(REAL)) return false
      response.writeHead(200, { etag: '"270m"', 'content-length': statSync(REAL).size })
      createReadStream(REAL).pipe(response)
      return true
    },
  })

  it('sees a picture on WebGPU, when that is chosen', { timeout: 2 * COMPILE_MS }, async () => {
    const { server, browser } = opened()
    const visit = await visitor(browser, server.url)
    const { page } = visit
    await page.click('.chip')
    await visit.set('Run on', 'webgpu')
    await visit.press('Close')
    await page.click('.example')
    // SwiftShader compiles every kernel for the CPU.
    expect(await visit.answer(COMPILE_MS)).toBe('a yellow heart and a purple triangle')
    expect(await page.evaluate(`document.querySelector('.chip-detail').innerText`)).toBe('GPU')
    await page.close()
  })

  it.runIf(existsSync(REAL))(
    'downloads the 270M, goes on with a text at once, and leaves the page free',
    { timeout: COMPILE_MS },
    async () => {
      const { server, browser } = opened()
      const visit = await visitor(browser, server.url)
      const { page } = visit
      await page.click('.chip')
      await visit.set('Run on', 'single')
      await visit.press('A file of yours, or any address')
      await visit.set('Address of a GGUF file', `${server.url}real.gguf`)
      await page.evaluate(`document.querySelector('.own-address').requestSubmit()`)
      const row = `Array.from(document.querySelectorAll('.model')).find((row) => row.innerText.includes('real'))`
      await page.until(`${row}?.innerText.includes('Use')`, 120_000)
      await page.evaluate(`${row}.querySelector('.button-main').click()`)
      await page.until(`document.querySelector('.chip-detail').innerText.includes('CPU')`, 60_000)
      await visit.press('Settings of this conversation')
      await visit.set('Form', 'text')
      await visit.set('Temperature', '0')
      await visit.set('Longest answer', '64')
      const tasks = await page.tasks(async () => {
        // As `g3 run` has it.
        await visit.say('The capital of France is')
        expect(await visit.answer(120_000)).toMatch(/^ the capital of the country of France/)
      })
      const longest = Math.max(...tasks)
      console.log(`${tasks.length} tasks of the page, the longest ${longest.toFixed(1)} ms of CPU`)
      expect(longest).toBeLessThan(16)
      console.log(await visit.facts())

      // A reader who scrolls up and down meanwhile, in a window that has room for a part of it.
      await visit.set('Longest answer', '192')
      await visit.press('Settings of this conversation')
      await page.size(390, 400)
      await visit.say('Paris is')
      const scrolled = await page.tasks(() => scrollWhileWriting(page))
      const most = Math.max(...scrolled)
      console.log(`${scrolled.length} tasks of the page while it is scrolled, the longest ${most.toFixed(1)} ms of CPU`)
      expect(most).toBeLessThan(16)
      await page.close()
    },
  )
})
