import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from './lock.mjs'
import { changedFiles, stampOf } from './stamp.mjs'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'g3-setup-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('stamp', () => {
  it('changes with contents, new and removed files, and names them', () => {
    writeFileSync(join(folder, 'a.ts'), 'a')
    const before = stampOf(folder, [folder])
    expect(stampOf(folder, [folder])).toBe(before)
    writeFileSync(join(folder, 'a.ts'), 'aa')
    writeFileSync(join(folder, 'b.ts'), 'b')
    const after = stampOf(folder, [folder])
    expect(changedFiles(before, after)).toEqual(['a.ts', 'b.ts'])
    rmSync(join(folder, 'b.ts'))
    expect(changedFiles(after, stampOf(folder, [folder]))).toEqual(['b.ts'])
  })

  it('leaves out tests, documents and what builds make', () => {
    mkdirSync(join(folder, 'dist'))
    for (const name of ['a.test.ts', 'a.bench.mjs', 'README.md', 'dist/a.js']) writeFileSync(join(folder, name), 'x')
    expect(stampOf(folder, [folder, join(folder, 'missing')])).toBe('')
  })
})

describe('lock', () => {
  it('lets one work at a time and leaves nothing behind', async () => {
    const lock = join(folder, 'lock')
    let inside = 0
    let most = 0
    const work = () =>
      withLock(lock, async () => {
        most = Math.max(most, ++inside)
        await new Promise((resolve) => setTimeout(resolve, 20))
        inside--
      })
    await Promise.all([work(), work(), work()])
    expect(most).toBe(1)
    expect(readdirSync(folder)).toEqual([])
  })

  it('takes over from a dead holder and from a silent one', async () => {
    const lock = join(folder, 'lock')
    // No process has this id: it is past the largest that Linux gives.
    writeFileSync(lock, '99999999')
    expect(await withLock(lock, async () => 'worked')).toBe('worked')
    writeFileSync(lock, String(process.pid))
    const long = new Date(Date.now() - 60_000)
    utimesSync(lock, long, long)
    expect(await withLock(lock, async () => 'worked')).toBe('worked')
    expect(readdirSync(folder)).toEqual([])
  })

  it('gives the lock back when the work fails', async () => {
    const lock = join(folder, 'lock')
    await expect(
      withLock(lock, async () => {
        throw new Error('no luck')
      }),
    ).rejects.toThrow('no luck')
    expect(readdirSync(folder)).toEqual([])
  })
})
