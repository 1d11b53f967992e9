import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { g3, TINY } from '../testing/g3.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'g3-tools-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const parameters = {
  type: 'object',
  properties: { done: { type: 'boolean' }, days: { enum: [1, 2] } },
  required: ['done'],
}
const write = (value: unknown): string => {
  const path = join(folder, 'tools.json')
  writeFileSync(path, JSON.stringify(value))
  return path
}
const note = { type: 'function', function: { name: 'note', description: 'takes a note', parameters } }
const run = (...args: string[]) => g3(['run', 'hello', '--model', TINY, ...args])

it('prints calls whose arguments fit, as lines and as an array', async () => {
  const file = write([note])
  const { code, stdout, stderr } = await run('--tools', file, '--tool-form', 'python')
  expect(code, stderr).toBe(0)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.length).toBeGreaterThan(0)
  const json = await run('--tools', file, '--tool-form', 'python', '--json')
  const { toolCalls, text } = JSON.parse(json.stdout)
  expect(toolCalls).toEqual(lines)
  expect(text).toMatch(/^\[note\(.*\)\]$/s)
  for (const call of toolCalls) {
    expect(call).toEqual({ name: 'note', arguments: expect.objectContaining({ done: expect.any(Boolean) }) })
    expect([undefined, 1, 2]).toContain(call.arguments.days)
  }
})

it('calls none where that is asked for', async () => {
  const { stdout } = await run('--tools', write([note]), '--tool-choice', 'none', '--json', '--max-tokens', '5')
  expect(JSON.parse(stdout).toolCalls).toEqual([])
})

it.each([
  ['tools/bad-tool', { a: 1 }, []],
  ['tools/bad-tool', [{ name: 'a b' }], []],
  ['tools/bad-choice', [note], ['--tool-choice', 'other']],
])('refuses with %s before a model is loaded', async (wanted, tools, args) => {
  const { code, stderr } = await run('--tools', write(tools), ...args, '--model', 'nowhere.gguf')
  expect([code, stderr]).toEqual([1, expect.stringContaining(`(${wanted})`)])
})
