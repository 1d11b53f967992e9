import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { connection } from './connection.ts'
import { openPage, type Page } from './page.ts'
import { CHROMIUM_ARGS, unpackChromium } from './unpack.ts'

export interface BrowserOptions {
  readonly args?: readonly string[]
}

/** A headless Chromium with a profile of its own, which ends with it. */
export interface Browser extends AsyncDisposable {
  /** A new tab. */
  page(url?: string): Promise<Page>
}

export async function openBrowser({ args = [] }: BrowserOptions = {}): Promise<Browser> {
  const folder = mkdtempSync(join(tmpdir(), 'g3-chromium-'))
  const { path, env } = await unpackChromium(folder)
  // A browser that is driven through pipes ends when they do: it outlives nobody.
  const child = spawn(
    path,
    [...CHROMIUM_ARGS, ...args, '--remote-debugging-pipe', `--user-data-dir=${folder}/user`, 'about:blank'],
    // A tongue that Intl knows: where none is set, pages would be told of one called `en-US@posix`.
    {
      env: { ...env, LANG: 'en_US.UTF-8', LC_ALL: 'en_US.UTF-8' },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
    },
  )
  const ended = once(child, 'exit')
  for (const pipe of child.stdio) pipe?.on('error', () => {})
  const line = connection(child.stdio[3] as Writable, child.stdio[4] as Readable)
  ended.then(
    ([code, signal]) => line.end(new Error(`Chromium ended with ${signal ?? code}`)),
    (error: Error) => line.end(error),
  )
  const close = async (): Promise<void> => {
    line.end(new Error('the browser was closed'))
    // With its children, which are of its group.
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL')
    await ended.catch(() => undefined)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  return { page: (url) => openPage(line, url), [Symbol.asyncDispose]: close }
}
