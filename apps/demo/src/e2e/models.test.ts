import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { IS_WHOLE, siteInChromium } from '../testing/site-in-chromium.js'
import { visitor, type Visitor } from '../testing/visitor.js'

const MODEL = fileURLToPath(new URL('../../../node-runner/assets/tiny-vision/tiny-vision-f16.gguf', import.meta.url))
const ENDLESS = fileURLToPath(
  new URL('../../../../packages/runtime/fixtures/tiny-random/tiny-text-q8_0.gguf', import.meta.url),
)

describe.skipIf(!IS_WHOLE)('models in headless Chromium', () => {
  const bytes = readFileSync(MODEL)
  /** What the model's server does; each test sets it. */
  const remote = { etag: '"a"', cuts: [] as number[], ranges: [] as (string | undefined)[], paceMs: 0, bytes }

  const serveModel = (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!request.url?.startsWith('/remote/')) return false
    const { etag, cuts, paceMs } = remote
    remote.ranges.push(request.headers.range)
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const size = remote.bytes.length
    response.writeHead(from > 0 ? 206 : 200, {
      etag,
      'content-length': size - from,
      ...(from > 0 && { 'content-range': `bytes ${from}-${size - 1}/${size}` }),
    })
    const cut = cuts.find((offset) => offset > from) ?? size
    if (cut < size) cuts.splice(cuts.indexOf(cut), 1)
    void (async () => {
      const step = paceMs > 0 ? 65_536 : size
      for (let at = from; at < cut && !response.destroyed; at += step) {
        await new Promise((resolve) => response.write(remote.bytes.subarray(at, Math.min(cut, at + step)), resolve))
        if (paceMs > 0) await new Promise((resolve) => setTimeout(resolve, paceMs))
      }
      if (cut === size) response.end()
      // What was written still travels.
      else setTimeout(() => response.destroy(), 20)
    })()
    return true
  }

  const opened = siteInChromium({ more: serveModel })

  /** Opens the choice of models and asks for an address. */
  async function download(visit: Visitor, name: string): Promise<void> {
    await visit.page.click('.chip')
    await visit.press('A file of yours, or any address')
    await visit.set('Address of a GGUF file', `${opened().server.url}remote/${name}`)
    // Not where it lies on the page: rows above it are still coming.
    await visit.page.evaluate(`document.querySelector('.own-address').requestSubmit()`)
  }
  const row = (name: string): string =>
    `Array.from(document.querySelectorAll('.model')).find((row) => row.innerText.includes(${JSON.stringify(name)}))`

  it('goes on where the network was cut, at each tenth, and runs what came', async () => {
    const { server, browser } = opened()
    const visit = await visitor(browser, server.url)
    const { page } = visit
    const tenths = Array.from({ length: 9 }, (_, i) => Math.floor(((i + 1) * bytes.length) / 10))
    Object.assign(remote, { cuts: [...tenths], ranges: [] })
    await download(visit, 'cut.gguf')
    await page.until(`${row('cut')}?.innerText.includes('Use')`, 30_000)
    expect(remote.ranges).toEqual([undefined, ...tenths.map((at) => `bytes=${at}-`)])
    await page.evaluate(`${row('cut')}.querySelector('.button-main').click()`)
    await page.until(`document.querySelector('.chip-detail').innerText.includes('CPU')`)
    expect(await page.evaluate(`document.querySelector('.chip-title').innerText`)).toBe('cut')
    await page.close()
  })

  it('pauses, goes on after a reload, and notices that the file was swapped meanwhile', async () => {
    const { server, browser } = opened()
    const visit = await visitor(browser, server.url)
    const { page } = visit
    Object.assign(remote, { cuts: [], ranges: [], paceMs: 60 })
    await download(visit, 'swapped.gguf')
    await page.until(
      `/^(?:[3-9][0-9][0-9] KB|1 MB) of/.test(${row('swapped')}?.querySelector('.field-value')?.innerText)`,
    )
    await visit.press('Pause swapped')
    await visit.page.until(`document.querySelector('[aria-label="Go on with swapped"]')`)
    await page.reload()
    const other = Buffer.from(bytes)
    other[other.length - 1] ^= 1
    Object.assign(remote, { etag: '"b"', bytes: other, ranges: [], paceMs: 0 })
    await page.click('.chip')
    await visit.press('Go on with swapped')
    await page.until(`${row('swapped')}?.innerText.includes('Use')`)
    // It asked for the rest, saw another file, and fetched that one as a whole.
    expect(remote.ranges).toEqual([expect.stringMatching(/^bytes=\d+-$/), undefined])
    expect(await sizeOnDisk(visit, 'swapped')).toBe(bytes.length)
    await visit.press('Delete swapped')
    await page.until(`!${row('swapped')}`)
    expect(await sizeOnDisk(visit, 'swapped')).toBe(0)
    Object.assign(remote, { etag: '"a"', bytes })
    await page.close()
  })

  it('says what to do when the storage is full, and keeps nothing broken', async () => {
    const { server, browser } = opened()
    const visit = await visitor(browser, server.url)
    const { page } = visit
    const quota = (quotaSize?: number) =>
      page.send('Storage.overrideQuotaForOrigin', { origin: server.url.slice(0, -1), ...(quotaSize && { quotaSize }) })
    const used = await page.evaluate<number>('navigator.storage.estimate().then(({ usage }) => usage)')
    await quota(used + 500_000)
    Object.assign(remote, { cuts: [], ranges: [] })
    await download(visit, 'full.gguf')
    expect(await page.until(`${row('full')}?.querySelector('.notice-bad')?.innerText`)).toMatch(
      /delete a model.*store\/full/s,
    )
    await quota()
    await visit.press('Go on with full')
    await page.until(`${row('full')}?.innerText.includes('Use')`)
    expect(await sizeOnDisk(visit, 'full')).toBe(bytes.length)
    await page.close()
  })

  it('goes on by itself with an answer that a reload cut short, and stops when it is told to', async () => {
    const { server, browser } = opened()
    const visit = await visitor(browser, server.url)
    const { page } = visit
    // Random weights end no text by themselves.
    Object.assign(remote, { cuts: [], ranges: [], paceMs: 0, bytes: readFileSync(ENDLESS) })
    await download(visit, 'endless.gguf')
    await page.until(`${row('endless')}?.innerText.includes('Use')`)
    await page.evaluate(`${row('endless')}.querySelector('.button-main').click()`)
    await page.until(`document.querySelector('.chip-detail').innerText.includes('CPU')`)
    await visit.press('Settings of this conversation')
    await visit.set('Form', 'text')
    await visit.set('Longest answer', '4096')
    await visit.set('Temperature', '0')
    await visit.say('a b c')
    const written = `document.querySelector('.messages > li:last-child .message-text')?.innerText ?? ''`
    await page.until(`(${written}).length > 40`)
    const before = await page.evaluate<string>(written)
    expect(await page.evaluate(`Boolean(document.querySelector('.message-status'))`)).toBe(true)
    await page.reload()
    await page.until(`(${written}).length > ${before.length + 20}`)
    expect((await page.evaluate<string>(written)).slice(0, 40)).toBe(before.slice(0, 40))
    await visit.press('Stop')
    await visit.answer()
    expect(await visit.facts()).toContain('stopped')
    Object.assign(remote, { bytes })
    await page.close()
  })

  it('reads a file of the device where it lies, and refuses one that is no model by name', async () => {
    const { server, browser } = opened()
    const visit = await visitor(browser, server.url)
    const { page } = visit
    const before = await page.evaluate<number>('navigator.storage.estimate().then(({ usage }) => usage)')
    await page.click('.chip')
    await visit.press('A file of yours, or any address')
    await page.files('dialog input[type=file]', [MODEL])
    await page.until(`document.querySelector('.chip-detail').innerText.includes('CPU')`)
    const after = await page.evaluate<number>('navigator.storage.estimate().then(({ usage }) => usage)')
    expect(after - before).toBeLessThan(bytes.length / 2)

    await page.click('.chip')
    await visit.press('A file of yours, or any address')
    await page.files('dialog input[type=file]', [fileURLToPath(import.meta.url)])
    expect(await page.until(`document.querySelector('dialog .notice-bad')?.innerText`)).toContain('demo/which-file')
    await page.close()
  })
})

/** Bytes of the models in the site's folder whose names have a word in them. */
const sizeOnDisk = ({ page }: Visitor, word: string): Promise<number> =>
  page.evaluate(`(async () => {
    const models = await (await navigator.storage.getDirectory()).getDirectoryHandle('models')
    let size = 0
    for await (const [name, folder] of models.entries()) {
      if (!name.includes('${word}')) continue
      size += (await (await folder.getFileHandle('data.gguf')).getFile()).size
    }
    return size
  })()`)
