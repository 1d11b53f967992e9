import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { g3, TINY } from '../testing/g3.js'

const chat = (stdin: string, ...args: string[]) =>
  g3(['chat', '--model', TINY, '--max-tokens', '5', '--seed', '1', ...args], { stdin })

describe('chat from a pipe', () => {
  it('answers each line on stdout and says on stderr what kind of model it is', async () => {
    const { code, stdout, stderr } = await chat('hello\n')
    expect(code).toBe(0)
    expect(stdout.length).toBeGreaterThan(1)
    expect(stdout.endsWith('\n')).toBe(true)
    expect(stderr).toMatch(/^tiny-text-q8_0\.gguf is a base model: [^\n]*\n$/)
  })

  it('a conversation goes on, and /reset begins it anew', async () => {
    const { stdout: one } = await chat('hello\n')
    const { stdout: two } = await chat('hello\nhello\n')
    expect(two.startsWith(one)).toBe(true)
    expect(two).not.toBe(one + one)
    expect((await chat('hello\n/reset\nhello\n')).stdout).toBe(one + one)
  })

  it('instructions come from --system and /system, and change the answer', async () => {
    const { stdout } = await chat('hello\n', '--system', 'be brief')
    expect(stdout).toBe((await chat('/system be brief\nhello\n')).stdout)
    expect(stdout).not.toBe((await chat('hello\n')).stdout)
    expect((await chat('/system be brief\n/system none\nhello\n')).stdout).toBe((await chat('hello\n')).stdout)
  })

  it('lines joined by a backslash or between quotes are one message', async () => {
    const { stdout } = await chat('a\\\nb\n')
    expect(stdout).toBe((await chat('"""a\nb"""\n')).stdout)
    expect(stdout).not.toBe((await chat('a\nb\n')).stdout)
  })

  it('what stands after the last newline is a message too', async () => {
    expect((await chat('hello')).stdout).toBe((await chat('hello\n')).stdout)
    expect((await chat('"""hello')).stdout).toBe((await chat('hello\n')).stdout)
  })

  it('/exit leaves the rest alone, and unknown commands are no messages', async () => {
    const { code, stdout, stderr } = await chat('/frobnicate\n/help\n/exit\nhello\n')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toContain('There is no /frobnicate')
    expect(stderr).toContain('/system TEXT')
  })

  it('a message that does not fit ends its answer and not the chat', async () => {
    const { code, stdout, stderr } = await chat(`${'x'.repeat(3000)}\nhello\n`)
    expect(code).toBe(0)
    expect(stderr).toContain('(generate/prompt-too-long)')
    expect(stdout).toBe((await chat('hello\n')).stdout)
  })

  it('answers again, edits, forks, goes back, and saves', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'g3-chat-'))
    const file = join(folder, 'a chat')
    try {
      const greedy = ['--temperature', '0']
      const { stdout: one } = await chat('hello\n', ...greedy)
      const { stdout: two } = await chat('hello\nmore\n', ...greedy)
      const more = two.slice(one.length)
      const { stdout } = await chat(
        `hello\n/regenerate\n/save ${file}\n/fork\nmore\n/back\nmore\n/edit 1 hello\n/edit hello\n`,
        ...greedy,
      )
      expect(stdout).toBe(one + one + more + more + one + one)
      const loaded = await chat(`/load ${file}\nmore\n`, ...greedy)
      expect([loaded.stdout, loaded.stderr]).toEqual([
        more,
        expect.stringContaining('The conversation has 2 messages.'),
      ])
      const wrong = await chat(`/regenerate\n/edit 3 x\n/back\n/load ${file}x\n/save ${folder}/no/where\n`)
      expect([wrong.code, wrong.stdout]).toEqual([0, ''])
      for (const said of ['no answer yet', 'no message 3', 'no copy', '(cli/missing-file)', '(cli/unwritable-file)'])
        expect(wrong.stderr).toContain(said)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
