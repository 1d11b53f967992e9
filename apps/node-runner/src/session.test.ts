import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { g3, TINY, tinyModel, type Ended } from './testing/g3.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'g3-session-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (session: string, prompt: string, ...more: string[]): Promise<Ended> =>
  g3([
    'run',
    prompt,
    '--session',
    session,
    '--json',
    '--max-tokens',
    '10',
    '--temperature',
    '0',
    '--model',
    TINY,
    ...more,
  ])

interface Report {
  readonly text: string
  readonly ids: readonly number[]
  readonly promptTokens: number
  readonly reusedTokens: number
  readonly prefilledTokens: number
}

async function report(running: Promise<Ended>): Promise<Report> {
  const { code, stdout, stderr } = await running
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Report
}

it('goes on from the file and writes what one run would have written', async () => {
  const file = join(folder, 'a session')
  const first = await report(run(file, 'hello'))
  expect(first).toMatchObject({ promptTokens: 5, reusedTokens: 0, prefilledTokens: 5 })
  const second = await report(run(file, ' again'))
  // Prompt and answer, and then what is new; nothing of the answer is lost, not even its last token.
  expect(second.reusedTokens).toBe(15)
  expect(second.promptTokens).toBe(15 + second.prefilledTokens)
  expect(second.prefilledTokens).toBeGreaterThan(0)

  // The same in one process, from a longer answer that ends in the same place.
  const third = await report(run(file, ' and on'))
  expect(third.reusedTokens).toBe(second.promptTokens + 10)
  expect(readdirSync(folder)).toEqual(['a session'])
})

it('gives the same tokens for any number of threads and as a run that never stopped', async () => {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')]
  const ids: (readonly number[])[] = []
  for (const [file, threads] of [
    [one, '1'],
    [two, '3'],
  ] as const) {
    await report(run(file, 'the same', '--threads', threads))
    ids.push((await report(run(file, ' text', '--threads', threads))).ids)
  }
  expect(ids[1]).toEqual(ids[0])
})

it('refuses what is damaged, foreign or no session, by name, and leaves it as it is', async () => {
  const file = join(folder, 'good')
  await report(run(file, 'hello'))
  const good = readFileSync(file)
  const refused = async (code: string, path: string, ...more: string[]): Promise<void> => {
    const before = readFileSync(path)
    const { code: exit, stderr, stdout } = await run(path, 'more', ...more)
    expect(stderr).toContain(code)
    expect([exit, stdout]).toEqual([1, ''])
    expect(readFileSync(path).equals(before)).toBe(true)
  }
  const flipped = Buffer.from(good)
  flipped[good.length - 9] ^= 4
  writeFileSync(join(folder, 'flipped'), flipped)
  await refused('kv-cache/snapshot-corrupt', join(folder, 'flipped'))
  writeFileSync(join(folder, 'cut'), good)
  truncateSync(join(folder, 'cut'), good.length - 1)
  await refused('kv-cache/snapshot-truncated', join(folder, 'cut'))
  writeFileSync(join(folder, 'text'), 'this is no session, but it is long enough to look for one in it')
  await refused('kv-cache/snapshot-corrupt', join(folder, 'text'))
  await refused('kv-cache/snapshot-foreign', file, '--cache-type', 'q8_0')
  await refused('kv-cache/snapshot-foreign', file, '--model', tinyModel('q4_0'))
  expect((await run(folder, 'more')).stderr).toContain('cli/unreadable-file')
  expect((await run(join(folder, 'nowhere', 'file'), 'more')).stderr).toContain('cli/unwritable-file')
})
