import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from './lock.js'
import { temporaryFolder, type TemporaryFolder } from './testing/files.js'

const timing = { beatMs: 20, staleMs: 200, pollMs: 5 }

let folder: TemporaryFolder
let path: string
beforeEach(async () => {
  folder = await temporaryFolder()
  path = join(folder.path, 'x.lock')
})
afterEach(() => folder[Symbol.asyncDispose]())

/** The id of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ['--version']).pid
const elsewhere = JSON.stringify({ id: 'other', pid: 1, host: 'another-machine' })
const age = (ms: number) => utimes(path, new Date(Date.now() - ms), new Date(Date.now() - ms))

describe('withLock', () => {
  it('lets one in at a time, tells those who wait once, and leaves nothing', async () => {
    let inside = 0
    let most = 0
    const waits: number[] = []
    await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        withLock(path, { timing, onWait: () => waits.push(i) }, async () => {
          most = Math.max(most, ++inside)
          await sleep(10)
          inside--
        }),
      ),
    )
    expect(most).toBe(1)
    expect(waits.length).toBe(11)
    expect(new Set(waits).size).toBe(11)
    expect(existsSync(path)).toBe(false)
  })

  it('opens again after a failure', async () => {
    await expect(
      withLock(path, { timing }, async () => {
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await withLock(path, { timing }, async () => 'yes')).toBe('yes')
  })

  it('takes over at once from a process of this machine that is gone', async () => {
    await writeFile(path, JSON.stringify({ id: 'x', pid: deadPid(), host: hostname() }))
    const start = performance.now()
    await withLock(path, { timing: { ...timing, staleMs: 60_000 } }, async () => undefined)
    expect(performance.now() - start).toBeLessThan(2000)
  })

  it('waits for a holder on another machine until it gives no sign any more', async () => {
    await writeFile(path, elsewhere)
    let waited = false
    const start = performance.now()
    await withLock(path, { timing, onWait: () => (waited = true) }, async () => undefined)
    expect(waited).toBe(true)
    expect(performance.now() - start).toBeGreaterThan(timing.staleMs * 0.9)
  })

  it.each([
    ['empty', ''],
    ['torn', '{"id":"a'],
    ['of another shape', '[1]'],
    ['of a machine far away', elsewhere],
  ])('a lock file that is %s is taken over when it is old', async (_, content) => {
    await writeFile(path, content)
    await age(1000)
    expect(await withLock(path, { timing }, async () => 'in')).toBe('in')
  })

  it('lets one of many take over a stale lock, though one before them ended in the middle of it', async () => {
    await writeFile(path, elsewhere)
    await age(1000)
    await writeFile(`${path}.break`, '')
    let inside = 0
    let most = 0
    const body = async () => {
      most = Math.max(most, ++inside)
      await sleep(2)
      inside--
    }
    await Promise.all(Array.from({ length: 20 }, () => withLock(path, { timing }, body)))
    expect(most).toBe(1)
    expect(existsSync(`${path}.break`)).toBe(false)
  })

  it('shows that its holder lives', async () => {
    await withLock(path, { timing }, async () => {
      await sleep(timing.staleMs * 2)
      expect(await Promise.race([withLock(path, { timing }, async () => 'stolen'), sleep(50, 'kept')])).toBe('kept')
    })
  })

  it("tells a holder that lost it, and leaves the other's lock alone", async () => {
    const lost = withLock(path, { timing }, async (signal) => {
      await writeFile(path, elsewhere)
      await sleep(2000, undefined, { signal }).catch(() => signal.throwIfAborted())
    })
    await expect(lost).rejects.toMatchObject({ code: 'models/lock-lost' })
    expect(await readFile(path, 'utf8')).toBe(elsewhere)
  })

  it('stops waiting when it is cancelled', async () => {
    await writeFile(path, elsewhere)
    const reason = new Error('enough')
    const stop = new AbortController()
    const waiting = withLock(
      path,
      { timing: { ...timing, staleMs: 60_000 }, signal: stop.signal },
      async () => undefined,
    )
    setTimeout(() => stop.abort(reason), 30)
    await expect(waiting).rejects.toBe(reason)
    expect(await readFile(path, 'utf8')).toBe(elsewhere)
  })

  it('says what is wrong with a folder that cannot hold it', async () => {
    const nowhere = join(folder.path, 'missing', 'x.lock')
    await expect(withLock(nowhere, { timing }, async () => undefined)).rejects.toMatchObject({
      code: 'models/cache',
      message: /ENOENT/,
    })
  })
})
