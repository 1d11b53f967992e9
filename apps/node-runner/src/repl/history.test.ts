import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openHistory } from './history.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'g3-history-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const fail = (reason: string): never => {
  throw new Error(reason)
}

it('keeps lines from chat to chat, newest first, for their writer alone', async () => {
  const path = join(folder, 'deep', 'history')
  const first = await openHistory(path, fail)
  expect(first.lines).toEqual([])
  await first.add('one')
  await first.add('two')
  expect((await openHistory(path, fail)).lines).toEqual(['two', 'one'])
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o077).toBe(0)
})

it('forgets the oldest lines before the file grows without end', async () => {
  const path = join(folder, 'history')
  writeFileSync(path, Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join(''))
  const { lines } = await openHistory(path, fail)
  expect([lines.length, lines[0], lines.at(-1)]).toEqual([1000, 'line 4999', 'line 4000'])
  expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(1001)
})

it('tells of trouble once and goes on', async () => {
  const troubles: string[] = []
  const history = await openHistory(folder, (reason) => troubles.push(reason))
  await history.add('one')
  expect(history.lines).toEqual([])
  expect(troubles).toHaveLength(1)
})
