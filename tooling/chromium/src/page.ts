import { fieldsOf, type Connection } from './connection.ts'
import { mainThreadTasks } from './tasks.ts'

/** A tab. */
export interface Page {
  goto(url: string): Promise<void>
  reload(): Promise<void>
  /** The value of an expression, or of the promise that it is. @throws Error what it throws */
  evaluate<T>(expression: string): Promise<T>
  /** Waits until an expression is truthy, and gives its value. @throws Error with what the page shows, after `timeoutMs` */
  until<T>(expression: string, timeoutMs?: number): Promise<T>
  /** Clicks the element of a selector as a person would: it must be there and not covered. */
  click(selector: string): Promise<void>
  /** Types into what has the focus. */
  type(text: string): Promise<void>
  press(key: 'Enter' | 'Escape' | 'Tab'): Promise<void>
  /** Gives files to an input. */
  files(selector: string, paths: readonly string[]): Promise<void>
  size(width: number, height: number, dark?: boolean): Promise<void>
  /** A PNG of what is seen. */
  screenshot(): Promise<Buffer>
  /** Cuts the network, or brings it back. */
  offline(isOff: boolean): Promise<void>
  /** Milliseconds of CPU that each task of the page's own thread took while work went on: waiting for a core is not counted. */
  tasks(work: () => Promise<void>): Promise<readonly number[]>
  /** A command of the DevTools protocol for this tab. */
  send(method: string, params?: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>
  /** What was written to the console as an error, and what was thrown and not caught. */
  readonly errors: readonly string[]
  /** Addresses that were asked for. */
  readonly requests: readonly string[]
  close(): Promise<void>
}

const LOAD_MS = 30_000
const UNTIL_MS = 20_000
const POLL_MS = 50

export async function openPage(line: Connection, url = 'about:blank'): Promise<Page> {
  const { targetId } = await line.send('Target.createTarget', { url: 'about:blank' })
  const { sessionId } = await line.send('Target.attachToTarget', { targetId, flatten: true })
  const send = (method: string, params: Readonly<Record<string, unknown>> = {}) =>
    line.send(method, params, String(sessionId))
  const errors: string[] = []
  const requests: string[] = []
  const loads = new Set<() => void>()
  const forget = line.listen(({ method, params, sessionId: session }) => {
    if (session !== sessionId) return
    if (method === 'Page.loadEventFired') loads.forEach((loaded) => loaded())
    if (method === 'Network.requestWillBeSent') requests.push(String(fieldsOf(params.request).url))
    if (method === 'Runtime.exceptionThrown') errors.push(JSON.stringify(params.exceptionDetails))
    const { level, text, url: where } = fieldsOf(params.entry)
    if (method === 'Log.entryAdded' && level === 'error') errors.push(`${text} ${where ?? ''}`)
    if (method === 'Runtime.consoleAPICalled' && params.type === 'error') errors.push(JSON.stringify(params.args))
  })
  for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'DOM']) await send(`${domain}.enable`)

  const loaded = async (begin: () => Promise<unknown>): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error(`the page did not load in ${LOAD_MS} ms`)), LOAD_MS)
    loads.add(resolve)
    try {
      await begin()
      await promise
    } finally {
      clearTimeout(timer)
      loads.delete(resolve)
    }
  }

  const key = async (name: string, code: number, text?: string): Promise<void> => {
    const pressed = { key: name, code: name, windowsVirtualKeyCode: code, ...(text !== undefined && { text }) }
    await send('Input.dispatchKeyEvent', { type: 'keyDown', ...pressed })
    await send('Input.dispatchKeyEvent', { type: 'keyUp', ...pressed })
  }

  const page: Page = {
    errors,
    requests,
    goto: (to) =>
      loaded(async () => {
        const { errorText } = await send('Page.navigate', { url: to })
        if (errorText !== undefined) throw new Error(`${to}: ${String(errorText)}`)
      }),
    reload: () => loaded(() => send('Page.reload')),
    async evaluate<T>(expression: string) {
      const { result, exceptionDetails } = await send('Runtime.evaluate', {
        expression,
        awaitPromise: true,
        returnByValue: true,
        userGesture: true,
      })
      if (exceptionDetails !== undefined) {
        const { exception, text } = fieldsOf(exceptionDetails)
        throw new Error(`${expression}: ${String(fieldsOf(exception).description ?? text)}`)
      }
      return fieldsOf(result).value as T
    },
    async until<T>(expression: string, timeoutMs = UNTIL_MS) {
      const end = performance.now() + timeoutMs
      while (performance.now() < end) {
        // While a page is replaced there is nothing to ask.
        const value = await page.evaluate<T>(expression).catch(() => undefined)
        if (value) return value
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
      const text = await page.evaluate<string>('document.body.innerText').catch(String)
      throw new Error(
        `never true in ${timeoutMs} ms: ${expression}\nThe page says:\n${text}\nErrors:\n${errors.join('\n')}`,
      )
    },
    async click(selector) {
      const place = await page.until<{ x: number; y: number }>(`(() => {
        const element = document.querySelector(${JSON.stringify(selector)})
        if (!element || element.disabled) return null
        element.scrollIntoView({ block: 'nearest' })
        const box = element.getBoundingClientRect()
        const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
        const hit = document.elementFromPoint(x, y)
        return hit && (element.contains(hit) || hit.contains(element)) ? { x, y } : null
      })()`)
      for (const type of ['mousePressed', 'mouseReleased']) {
        await send('Input.dispatchMouseEvent', { type, ...place, button: 'left', clickCount: 1 })
      }
    },
    type: async (text) => void (await send('Input.insertText', { text })),
    press: (name) => key(name, { Enter: 13, Escape: 27, Tab: 9 }[name], name === 'Enter' ? '\r' : undefined),
    async files(selector, paths) {
      const { root } = await send('DOM.getDocument')
      const { nodeId } = await send('DOM.querySelector', { nodeId: fieldsOf(root).nodeId, selector })
      await send('DOM.setFileInputFiles', { nodeId, files: paths })
    },
    async size(width, height, dark = false) {
      const mobile = width < 600
      await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile })
      const value = dark ? 'dark' : 'light'
      await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] })
    },
    async screenshot() {
      const { data } = await send('Page.captureScreenshot', { format: 'png' })
      return Buffer.from(String(data), 'base64')
    },
    async offline(isOff) {
      await send('Network.emulateNetworkConditions', {
        offline: isOff,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: -1,
      })
    },
    tasks: (work) => mainThreadTasks(line, String(sessionId), send, work),
    send,
    async close() {
      forget()
      await line.send('Target.closeTarget', { targetId })
    },
  }
  if (url !== 'about:blank') await page.goto(url)
  return page
}
