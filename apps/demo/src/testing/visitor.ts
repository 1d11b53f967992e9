import type { Browser, Page } from '@g3/chromium'

/** What a visitor does in the chat. */
export interface Visitor {
  readonly page: Page
  /** Presses the first button of this name, wherever the page has moved it meanwhile. */
  press(name: string): Promise<void>
  /** Writes a message and sends it. */
  say(text: string): Promise<void>
  /** Waits until the last answer is whole; its text. */
  answer(timeoutMs?: number): Promise<string>
  /** The line beneath the last answer. */
  facts(): Promise<string>
  /** Texts of the turns that are shown. */
  turns(): Promise<readonly string[]>
  /** Sets a field that has this label. */
  set(label: string, value: string): Promise<void>
}

const LAST = `document.querySelector('.messages > li:last-child')`

/** A visitor with a wide window, who has just arrived. */
export async function visitor(browser: Browser, url: string): Promise<Visitor> {
  const page = await browser.page()
  await page.size(1440, 900)
  await page.goto(url)
  return visiting(page)
}

function visiting(page: Page): Visitor {
  const text = (inner: string): string => JSON.stringify(inner)
  return {
    page,
    async press(name) {
      await page.until(`(() => {
        const named = (button) => button.getAttribute('aria-label') ?? button.innerText.trim()
        const all = Array.from(document.querySelectorAll('dialog[open] button, button, summary, nav a'))
        const found = all.find((button) => named(button) === ${text(name)} && !button.disabled)
        found?.click()
        return Boolean(found)
      })()`)
    },
    async say(words) {
      await page.until(`!document.querySelector('.composer textarea').disabled`)
      await page.click('.composer textarea')
      await page.type(words)
      await page.until(`document.querySelector('.composer [type=submit]:not(:disabled)')`)
      await page.press('Enter')
      await page.until(`!document.querySelector('.composer textarea').value`)
    },
    async answer(timeoutMs) {
      await page.until(`${LAST}?.querySelector('.facts') && !document.querySelector('.message-status')`, timeoutMs)
      return page.evaluate(`${LAST}.querySelector('.message-text')?.innerText ?? ''`)
    },
    facts: () => page.until(`${LAST}?.querySelector('.facts')?.innerText`),
    turns: () => page.evaluate(`Array.from(document.querySelectorAll('.message-text'), (turn) => turn.innerText)`),
    async set(label, value) {
      await page.until(`(() => {
        const name = Array.from(document.querySelectorAll('label')).find((each) => each.innerText.startsWith(${text(label)}))
        const control = name && document.getElementById(name.htmlFor)
        if (!control) return false
        control.value = ${text(value)}
        control.dispatchEvent(new Event('input', { bubbles: true }))
        control.dispatchEvent(new Event('change', { bubbles: true }))
        return true
      })()`)
    },
  }
}
