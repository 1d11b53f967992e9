import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLI, g3, TINY, tinyModel } from './testing/g3.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'g3-cli-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** One line on stderr, with a code at its end, and no stack trace. */
const ERROR_LINE = /^g3: [^\n]+ \([a-z-]+\/[a-z0-9-]+\)\n$/

describe('wrong usage ends with 2 and says what is right', () => {
  it.each([
    [['nonsense'], /unknown command 'nonsense'/],
    [['run'], /missing required argument 'prompt'/],
    [['run', 'a', 'b'], /too many arguments/],
    [['run', 'a', '--frobnicate'], /unknown option '--frobnicate'/],
    [['run', 'a', '--temperature', 'NaN'], /must be a number from 0/],
    [['run', 'a', '--temperature', 'Infinity'], /must be a number from 0/],
    [['run', 'a', '--temperature', '-0.5'], /must be a number from 0/],
    [['run', 'a', '--temperature', ''], /must be a number from 0/],
    [['run', 'a', '--max-tokens', '0'], /must be a whole number from 1/],
    [['run', 'a', '--max-tokens', '1.5'], /must be a whole number from 1/],
    [['run', 'a', '--max-tokens', '0x10'], /must be a whole number from 1/],
    [['run', 'a', '--threads', '0'], /must be a whole number from 1 to 64/],
    [['run', 'a', '--threads', '99999999999999999999'], /must be a whole number from 1 to 64/],
    [['run', 'a', '--seed', 'NaN'], /must be a whole number from 0/],
    [['run', 'a', '--seed', '9007199254740993'], /must be a whole number from 0/],
    [['run', 'a', '--context', 'NaN'], /must be a whole number from 1/],
    [['run', 'a', '--top-p', '0'], /must be a number/],
    [['run', 'a', '--precision', 'bf16'], /Allowed choices are fast, precise, exact/],
    [['run', 'a', '--model'], /argument missing/],
    [['tokenize', '--json', '--lines'], /cannot be used with/],
    [['logits', '--model', TINY], /--text or --ids-file/],
    [['logits', '--model', TINY, '--text', 'a', '--ids-file', 'b'], /--text or --ids-file/],
    [['bench', '--peers', 'tensorflow'], /some of g3, node-llama-cpp, wllama/],
    [['bench', '--peers', 'wllama:plain'], /wllama takes the options cpu, webgpu, threads=N/],
    [['bench', '--simd', 'none'], /Allowed choices are auto, plain/],
    [['bench', '--model', TINY, '--prompt', '1000'], /are more than the 1024 that this model was trained for/],
    [['bench', '--model', TINY, '--prompt', '16', '--context', '1000'], /are more than the 1024/],
    [['bench', '--context', '1'], /must be a whole number from 2/],
    [['bench', '--batch', '1,,2'], /must be a whole number from 1 to 256/],
    [['bench', '--batch', '257'], /must be a whole number from 1 to 256/],
    [['bench', '--batch', Array.from({ length: 33 }, (_, i) => i + 1).join()], /must be 32 numbers at most/],
    [['bench', '--repeat', '0'], /must be a whole number from 1/],
    [['run', 'a', '--model', TINY, '--context', '2000'], /from 1 to 1024/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await g3(args)
    expect(stderr).toMatch(message)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  it('shows the commands when none is given', async () => {
    const { code, stderr } = await g3([])
    expect(code).toBe(2)
    for (const name of ['run', 'chat', 'pull', 'models', 'inspect', 'tokenize', 'logits', 'bench'])
      expect(stderr).toContain(`\n  ${name} `)
  })

  it('--help and --version are no mistakes', async () => {
    const help = await g3(['run', '--help'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toContain('--temperature')
    expect(await g3(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })
})

it('weights of a type that is repacked are said to be, in one line', async () => {
  const ended = await g3(['run', 'a', '--model', tinyModel('iq3_s', 'tinyk'), '--max-tokens', '4'])
  expect(ended).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^[^\n]*IQ3_S are repacked to 8 bits[^\n]*\n$/),
  })
})

describe('what cannot be done ends with 1 and one line', () => {
  const failing = async (args: readonly string[], code: string, stdin?: string | Uint8Array): Promise<void> => {
    const ended = await g3(args, stdin === undefined ? {} : { stdin })
    expect(ended.stderr).toMatch(ERROR_LINE)
    expect(ended.stderr).toContain(`(${code})`)
    expect(ended).toMatchObject({ code: 1, stdout: '' })
  }

  it('a model that is nowhere', () => failing(['run', 'a', '--model', 'gemma-9'], 'models/unknown-name'))
  it('a file that is nowhere', () => failing(['inspect', '/nowhere/model.gguf'], 'models/no-file'))
  it('a file that is no model', () => failing(['inspect', CLI], 'gguf/bad-magic'))
  it('an empty file', async () => {
    const path = join(folder, 'empty.gguf')
    writeFileSync(path, '')
    await failing(['run', 'a', '--model', path], 'gguf/truncated')
  })
  it('a model cut short', async () => {
    const path = join(folder, 'cut.gguf')
    copyFileSync(TINY, path)
    truncateSync(path, 300_000)
    await failing(['run', 'a', '--model', path], 'gguf/truncated')
  })
  it('a model with a lie in its header', async () => {
    const bytes = readFileSync(TINY)
    bytes.writeBigUInt64LE(2n ** 62n, 8)
    const path = join(folder, 'lie.gguf')
    writeFileSync(path, bytes)
    await failing(['run', 'a', '--model', path], 'gguf/too-large')
  })
  it('another architecture', async () => {
    const path = join(folder, 'other.gguf')
    writeFileSync(path, readFileSync(TINY, 'latin1').replaceAll('gemma3', 'llamaX'), 'latin1')
    await failing(['run', 'a', '--model', path], 'gguf/architecture')
  })
  it('weights of a type that nobody knows', async () => {
    const bytes = readFileSync(TINY)
    // After a tensor's name come the number of extents, two extents and the type.
    const name = 'blk.0.attn_q.weight'
    bytes.writeUInt32LE(99, bytes.indexOf(name) + name.length + 4 + 16)
    const path = join(folder, 'unknown-type.gguf')
    writeFileSync(path, bytes)
    await failing(['run', 'a', '--model', path], 'gguf/unsupported-type')
  })
  it('a prompt longer than the context', () =>
    failing(['run', 'x'.repeat(5000), '--model', TINY], 'generate/prompt-too-long'))
  it('stdin that is no text', () => failing(['tokenize', '--model', TINY], 'cli/bad-utf8', Uint8Array.of(0x61, 0xff)))
  it('a line that is no JSON string', async () => {
    await failing(['tokenize', '--model', TINY, '--lines'], 'cli/bad-line', '7\n')
    await failing(['tokenize', '--model', TINY, '--lines'], 'cli/bad-line', '{\n')
  })
  it.each([
    ['an id too large', '[2, 512]', 'cli/bad-ids'],
    ['a negative id', '[-1]', 'cli/bad-ids'],
    ['a broken id', '[1.5]', 'cli/bad-ids'],
    ['no ids', '[]', 'cli/bad-ids'],
    ['no array', '{"ids": [2]}', 'cli/bad-ids'],
    ['no JSON', '2, 3', 'cli/bad-ids'],
  ])('a file with %s', async (_, text, code) => {
    const path = join(folder, 'ids.json')
    writeFileSync(path, text)
    await failing(['logits', '--model', TINY, '--ids-file', path], code)
  })
  it('a file of ids that is nowhere', () =>
    failing(['logits', '--model', TINY, '--ids-file', '/nowhere'], 'cli/missing-file'))

  it('control characters from outside never reach the terminal', async () => {
    const { stderr } = await g3(['run', 'a', '--model', '\u001b[31mred.gguf'])
    expect(stderr).toMatch(ERROR_LINE)
    expect(stderr).not.toContain('\u001b')
  })
})

describe('ends', () => {
  it('Ctrl-C ends a run with 130 and keeps what was written', async () => {
    const { code, stdout, stderr } = await g3(
      ['run', 'a', '--model', TINY, '--max-tokens', '1000', '--precision', 'exact'],
      {
        onStdout: (child) => child.kill('SIGINT'),
      },
    )
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' })
    expect(stdout.length).toBeGreaterThan(1)
  })

  it('a reader that leaves early is no failure', async () => {
    const { code, stderr } = await g3(['run', 'a', '--model', TINY, '--max-tokens', '1000'], {
      onStdout: (child) => child.stdout?.destroy(),
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it.runIf(existsSync('/dev/full'))('a full disk is one line', () => {
    const { status, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${CLI}" inspect "${TINY}" > /dev/full`], {
      encoding: 'utf8',
    })
    expect(stderr).toMatch(ERROR_LINE)
    expect(stderr).toContain('(cli/unwritable-output)')
    expect(status).toBe(1)
  })
})
