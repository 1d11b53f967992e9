import { describe, expect, it } from 'vitest'
import { HAS_CHROMIUM, IS_WHOLE, siteInChromium } from '../testing/site-in-chromium.js'
import { visitor } from '../testing/visitor.js'

const PAIR = 'a yellow heart and a purple triangle'

describe.skipIf(!HAS_CHROMIUM)('the chat in headless Chromium', () => {
  const opened = siteInChromium()

  it('sees a picture at the first click; after that everything works without a network, on threads', async () => {
    const { server, browser } = opened()
    const visit = await visitor(browser, server.url)
    const { page } = visit
    await page.click('.example')
    expect(await visit.answer()).toBe(PAIR)
    expect(await visit.facts()).toMatch(/^tiny-vision · \d+ tokens · .* read anew$/)
    await page.until(`navigator.serviceWorker.controller`)
    // Time for the caches to be written.
    await new Promise((resolve) => setTimeout(resolve, 2000))

    server.isUp = false
    try {
      await page.reload()
      await page.until(`document.querySelector('.chip-detail')?.innerText.includes('CPU')`)
      expect(await page.evaluate('crossOriginIsolated')).toBe(true)
      expect(await page.evaluate(`document.querySelector('.chip-detail').innerText`)).toBe(
        `CPU, ${await page.evaluate('navigator.hardwareConcurrency')} threads`,
      )
      expect(await visit.turns()).toEqual(['Describe the image.', PAIR])
      await visit.say('What is on the left?')
      expect(await visit.answer()).toBe('heart')
      // What was read before the reload came back with the caches.
      const [, anew, all] = /(\d+) of (\d+) read anew/.exec(await visit.facts()) ?? []
      expect(Number(all)).toBeGreaterThan(30)
      expect(Number(anew)).toBeLessThan(20)
    } finally {
      server.isUp = true
    }
    expect(page.requests.filter((url) => !/^(?:blob:|data:)/.test(url) && !url.startsWith(server.url))).toEqual([])
    expect(page.errors).toEqual([])
    await page.close()
  })

  it.runIf(IS_WHOLE)('branches where a turn is edited or answered again', async () => {
    const { server, browser } = opened()
    const visit = await visitor(browser, server.url)
    const { page } = visit
    await visit.press('New conversation')
    await page.click('.examples li:nth-child(2) .example')
    await visit.answer()
    await visit.press('Edit and ask again')
    await page.evaluate(`document.querySelector('.editor textarea').select()`)
    await page.type('What color are they?')
    await visit.press('Ask again')
    expect(await visit.answer()).toBe('green')
    await visit.press('Answer again')
    expect(await visit.answer()).toBe('green')
    expect(
      await page.evaluate(
        `Array.from(document.querySelectorAll('.branches .numbers'), (at) => at.innerText.replace(/\\s+/g, ' '))`,
      ),
    ).toEqual([expect.stringContaining('2 / 2'), expect.stringContaining('2 / 2')])
    await visit.press('Branch before')
    expect((await visit.turns())[0]).toBe('How many are there?')
    await page.close()
  })

  it.runIf(IS_WHOLE)('shows in one tab what another writes, and answers in one at a time', async () => {
    const { server, browser } = opened()
    const one = await visitor(browser, server.url)
    await one.press('New conversation')
    await one.page.click('.examples li:nth-child(3) .example')
    expect(await one.answer()).toBe('43')
    const two = await visitor(browser, server.url)
    await two.page.until(`document.querySelector('.messages .facts')`)
    expect(await two.turns()).toEqual(['What does it say?', '43'])
    await one.say('What number is it?')
    await one.answer()
    await two.page.until(`document.querySelectorAll('.messages .facts').length === 2`)
    expect(await two.turns()).toEqual(await one.turns())

    // While one holds the conversation, the other is told so.
    await one.page.evaluate(`(async () => {
      const [name] = (await navigator.locks.query()).held.map(({ name }) => name)
      const { conversation } = JSON.parse(localStorage.getItem('g3-last'))
      await new Promise((held) => navigator.locks.request('g3 conversation ' + conversation, () => (held(), new Promise(() => {}))))
    })()`)
    await two.say('What does it say?')
    expect(await two.page.until(`document.querySelector('.notice-bad')?.innerText`)).toMatch(
      /another tab .*chat\/elsewhere/s,
    )
    await one.page.close()
    await two.page.close()
  })

  it.runIf(IS_WHOLE)('shows what a model writes as text: nothing in it runs, loads or leads astray', async () => {
    const { server, browser } = opened()
    const visit = await visitor(browser, server.url)
    const { page } = visit
    const hostile = [
      '<img src=x onerror="window.bad = 1"><script>window.bad = 1</script>',
      '![pixel](https://example.org/pixel.png) [press](javascript:window.bad=1) [fine](https://example.org/)',
      '```js\nwindow.bad = 1\n```',
      '| a | b |\n|---|---|\n| <b>1</b> | 2 |',
    ].join('\n\n')
    const turns = [
      { id: 'a', role: 'user', text: 'Be bad', images: [], state: 'done' },
      { id: 'b', parent: 'a', role: 'assistant', text: hostile, images: [], state: 'done' },
    ]
    const write = (id: string, text: string): Promise<unknown> =>
      page.evaluate(`(async () => {
        const all = await (await navigator.storage.getDirectory()).getDirectoryHandle('conversations', { create: true })
        const folder = await all.getDirectoryHandle(${JSON.stringify(id)}, { create: true })
        const file = await (await folder.getFileHandle('conversation.json', { create: true })).createWritable()
        await file.write(${JSON.stringify(text)})
        await file.close()
      })()`)
    await write('hostile', JSON.stringify({ id: 'hostile', updated: 9e12, turns, leaf: 'b' }))
    await write('broken', '{"id": "broken", "turns": [')
    await page.reload()
    await visit.press('Be bad')
    await page.until(`document.querySelector('.markdown table')`)
    expect(
      await page.evaluate(`document.querySelectorAll('.markdown img, .markdown script, .markdown b').length`),
    ).toBe(0)
    expect(await page.evaluate(`Array.from(document.querySelectorAll('.markdown a'), ({ href }) => href)`)).toEqual([
      'https://example.org/',
    ])
    expect(await page.evaluate(`document.querySelector('.markdown').innerText`)).toContain(
      '<script>window.bad = 1</script>',
    )
    expect(await page.evaluate('window.bad')).toBeUndefined()
    expect(page.requests.filter((url) => url.includes('example.org'))).toEqual([])

    await visit.press('A conversation that cannot be read')
    expect(await page.until(`document.querySelector('.notice-bad')?.innerText`)).toContain('chat/bad-file')
    await visit.press('Delete “A conversation that cannot be read”')
    await page.until(`!document.body.innerText.includes('cannot be read')`)
    await page.close()
  })
})
