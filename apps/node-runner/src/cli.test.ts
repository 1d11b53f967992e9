import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
const TINY = fileURLToPath(new URL('../../../packages/runtime/fixtures/tiny-random/tiny-text-f32.gguf', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the built command as a user would, without any network: an empty cache and a hub that is not there. */
function g3(args: readonly string[], { input = '', signalAfter }: { input?: string; signalAfter?: string } = {}): Promise<Ended> {
  const env = { ...process.env, G3_CACHE: folder, G3_HUB: 'http://127.0.0.1:9' }
  const child = spawn(process.execPath, [CLI, ...args], { env })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
    if (signalAfter !== undefined && stdout.includes(signalAfter)) child.kill('SIGINT')
  })
  child.stderr.on('data', (chunk) => (stderr += chunk))
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'g3-cli-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('g3 run', () => {
  it('prints the fields of the contract as one JSON object', async () => {
    const { code, stdout } = await g3(['run', '--model', TINY, '--temperature', '0', '--max-tokens', '5', '--threads', '1', '--json', 'hello'])
    expect(code).toBe(0)
    const result = JSON.parse(stdout)
    expect(Object.keys(result)).toEqual([
      'text', 'ids', 'promptTokens', 'stopReason', 'loadMs', 'prefillMs', 'prefillTokensPerSecond', 'decodeTokensPerSecond',
      'peakRssBytes', 'backend', 'threads',
    ])
    expect(result).toMatchObject({ promptTokens: 5, stopReason: 'length', backend: 'cpu', threads: 1 })
    expect(result.ids).toHaveLength(5)
  })

  it('writes text on stdout, the same from an argument and from stdin, and the same for a seed', async () => {
    const options = ['run', '--model', TINY, '--seed', '7', '--max-tokens', '20']
    const argument = await g3([...options, 'hello there'])
    const stdin = await g3([...options, '-'], { input: 'hello there\n' })
    expect(argument.code).toBe(0)
    expect(argument.stdout.length).toBeGreaterThan(1)
    expect(stdin.stdout).toBe(argument.stdout)
    expect((await g3([...options.with(4, '8'), 'hello there'])).stdout).not.toBe(argument.stdout)
  })

  it('has the same ids in every precision where activations are exact enough, and on any number of threads', async () => {
    const ids = async (...more: string[]): Promise<number[]> =>
      JSON.parse((await g3(['run', '--model', TINY, '--temperature', '0', '--max-tokens', '8', '--json', ...more, 'hello'])).stdout).ids
    const want = await ids()
    expect(await ids('--precision', 'exact')).toEqual(want)
    expect(await ids('--threads', '3')).toEqual(want)
  })

  it('stops at once when interrupted, with 130', async () => {
    const { code, stdout } = await g3(['run', '--model', TINY, '--context', '1024', '--max-tokens', '1000', 'hello'], { signalAfter: 'e' })
    expect(code).toBe(130)
    expect(stdout.length).toBeLessThan(5000)
  })

  it('refuses a prompt longer than the context, saying the numbers', async () => {
    const { code, stderr } = await g3(['run', '--model', TINY, '--context', '16', 'hello '.repeat(50)])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^g3: .*16.*\(generate\/prompt-too-long\)\n$/)
  })
})

describe('wrong usage ends with 2 and one line', () => {
  it.each([
    [['run', '--temperature', 'NaN', 'x']],
    [['run', '--temperature', '-1', 'x']],
    [['run', '--max-tokens', '1.5', 'x']],
    [['run', '--threads', '0', 'x']],
    [['run', '--precision', 'double', 'x']],
    [['run', '--nonsense', 'x']],
    [['run']],
    [['run', 'two', 'prompts']],
    [['logits', '--model', TINY]],
    [['tokenize', '--json', '--lines']],
    [['bench', '--peers', 'nobody']],
    [['nonsense']],
  ])('g3 %j', async (args) => {
    const { code, stdout, stderr } = await g3(args)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/\S/)
    expect(stderr).not.toMatch(/\n\s+at /)
  })
})

describe('files that cannot be run end with 1 and a code', () => {
  const refused = async (bytes: Uint8Array, code: RegExp): Promise<void> => {
    const path = join(folder, 'bad.gguf')
    await writeFile(path, bytes)
    const ended = await g3(['run', '--model', path, 'x'])
    expect(ended.code).toBe(1)
    expect(ended.stdout).toBe('')
    expect(ended.stderr).toMatch(code)
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
  }

  it('missing', async () => {
    const { code, stderr } = await g3(['run', '--model', join(folder, 'none.gguf'), 'x'])
    expect(code).toBe(1)
    expect(stderr).toContain('(models/no-file)')
  })
  it('empty, not GGUF, cut in the header, cut in the weights', async () => {
    const whole = await readFile(TINY)
    await refused(new Uint8Array(0), /\(gguf\//)
    await refused(new TextEncoder().encode('hello '.repeat(100)), /\(gguf\/bad-magic\)/)
    await refused(whole.subarray(0, 1000), /\(gguf\/truncated\)/)
    await refused(whole.subarray(0, whole.length - 100_000), /\(gguf\//)
  })
  it('another architecture', async () => {
    const whole = await readFile(TINY)
    const changed = whole.toString('latin1').replaceAll('gemma3', 'llamaX')
    await refused(Buffer.from(changed, 'latin1'), /llamaX.*\(gguf\/architecture\)/)
  })
})

describe('g3 logits and tokenize', () => {
  it('gives top, logsumexp, ids and nll', async () => {
    const { code, stdout } = await g3(['logits', '--model', TINY, '--text', 'hello there', '--top', '3', '--all', '--json'])
    expect(code).toBe(0)
    const { top, logsumexp, ids, nll } = JSON.parse(stdout)
    expect(top).toHaveLength(3)
    expect(top[0][1]).toBeGreaterThanOrEqual(top[1][1])
    expect(logsumexp).toBeGreaterThan(top[0][1])
    expect(nll).toHaveLength(ids.length - 1)
    const file = join(folder, 'ids.json')
    await writeFile(file, JSON.stringify(ids))
    expect(JSON.parse((await g3(['logits', '--model', TINY, '--ids-file', file, '--top', '3', '--all', '--json'])).stdout)).toEqual({ top, logsumexp, ids, nll })
  })
  it.each(['[]', '[1.5]', '{"a":1}', '[99999]', 'no'])('refuses ids %s', async (json) => {
    const file = join(folder, 'bad.json')
    await writeFile(file, json)
    const { code, stderr } = await g3(['logits', '--model', TINY, '--ids-file', file])
    expect(code).toBe(1)
    expect(stderr).toContain('(cli/bad-ids)')
  })
  it('tokenises stdin, and lines of JSON strings', async () => {
    const { stdout } = await g3(['tokenize', '--model', TINY, '--json'], { input: 'hello' })
    const { ids, tokens } = JSON.parse(stdout)
    expect(tokens).toHaveLength(ids.length)
    expect((await g3(['tokenize', '--model', TINY, '--lines'], { input: '"hello"\n"hello"\n' })).stdout).toBe(`${JSON.stringify(ids)}\n`.repeat(2))
  })
})

describe('g3 chat, piped', () => {
  it('answers each line, obeys commands, and ends with its input', async () => {
    const { code, stdout } = await g3(['chat', '--model', TINY, '--max-tokens', '4', '--temperature', '0'], {
      input: 'hello\n/reset\nhello\n/exit\nnever read\n',
    })
    expect(code).toBe(0)
    const answers = stdout.split('\n').filter((line) => line !== '')
    expect(answers.length).toBeGreaterThanOrEqual(2)
  })
})
