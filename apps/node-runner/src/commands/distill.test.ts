import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { g3, TINY } from '../testing/g3.js'

const folder = mkdtempSync(join(tmpdir(), 'g3-distill-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string): string => join(folder, name)
const file = (name: string, text: string): string => {
  writeFileSync(at(name), text)
  return at(name)
}
const texts = file(
  'texts.jsonl',
  ['the words of a text', 'other words', 'a text'].map((text) => `${JSON.stringify({ text })}\n`).join(''),
)
const PLAN = [
  '--model',
  TINY,
  '--threads',
  '1',
  '--steps',
  '12',
  '--batch',
  '2',
  '--rank',
  '4',
  '--rate',
  '0.01',
  '--save-every',
  '1',
]

const trained = async (out: string, ...more: readonly string[]) => {
  const { code, stdout, stderr } = await g3(['distill', 'train', ...PLAN, '--out', out, '--json', ...more])
  if (code !== 0) expect.fail(stderr)
  const told: { readonly steps: number; readonly loss: number; readonly log: string } = JSON.parse(stdout)
  return told
}

describe('g3 distill', () => {
  it('a run that is killed goes on, and ends with the same bytes', async () => {
    const [whole, killed] = [at('whole.gguf'), at('killed.gguf')]
    const { loss } = await trained(whole, '--data', texts)
    // G3_TESTS=whole: at as many moments as the acceptance asks for.
    const kills = process.env.G3_TESTS === 'whole' ? 20 : 2
    for (let time = 0; time < kills && !existsSync(killed); time++) {
      let isDead = false
      await g3(['distill', 'train', ...PLAN, '--data', texts, '--out', killed, '--resume'], {
        onStart: (child) => {
          const look = setInterval(() => {
            if (isDead || child.exitCode !== null) return clearInterval(look)
            if (!existsSync(`${killed}.checkpoint`)) return
            isDead = true
            setTimeout(() => child.kill('SIGKILL'), 17 * ((7 * time) % 11))
          }, 5)
        },
      })
    }
    const resumed = await trained(killed, '--data', texts, '--resume')
    expect(resumed.loss).toBe(loss)
    // Files name themselves; all else is equal.
    const data = (path: string): string => readFileSync(path).subarray(-50_000).toString('hex')
    expect(data(killed)).toBe(data(whole))
    expect(existsSync(`${killed}.checkpoint`)).toBe(false)
    const log = readFileSync(resumed.log, 'utf8').trim().split('\n')
    expect(JSON.parse(log.at(-1) ?? '')).toMatchObject({ step: 12, steps: 12, loss })
  })

  it('learns what a teacher thinks with a prompt, and the adapter makes the model think so without', async () => {
    const asked = file(
      'asked.jsonl',
      ['the words', 'a text', 'other']
        .map((prompt) => `${JSON.stringify({ prompt, completion: ' are here' })}\n`)
        .join(''),
    )
    const [signal, out] = [at('signal.safetensors'), at('taught.gguf')]
    const prompt = file('prompt.txt', 'xyz xyz xyz ')
    const made = await g3([
      'distill',
      'signal',
      '--model',
      TINY,
      '--backend',
      'cpu',
      '--data',
      asked,
      '--prompt-file',
      prompt,
      '--out',
      signal,
      '--json',
    ])
    expect(JSON.parse(made.stdout || expect.fail(made.stderr))).toMatchObject({ texts: 3 })
    const { log } = await trained(out, '--signal', signal)
    const losses = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line): number => JSON.parse(line).loss)
    expect(losses.at(-1)).toBeLessThan(losses[0])
    const run = await g3(['run', '--model', TINY, '--backend', 'cpu', '--lora', out, '--max-tokens', '2', 'the words'])
    expect(run.code).toBe(0)
  })

  it.each([
    ['neither data nor a signal', [], 'cli/usage', 2],
    ['data that is no JSON', ['--data', file('bad.jsonl', 'x')], 'distill/bad-data', 1],
    [
      'a line without anything to learn',
      ['--data', file('empty.jsonl', '{"messages": [{"role": "user", "content": "x"}]}')],
      'distill/bad-data',
      1,
    ],
    ['a text that is too long', ['--data', texts, '--rows', '8'], 'distill/too-long', 1],
    ['no such matrix', ['--data', texts, '--targets', 'attn_z'], 'distill/bad-option', 2],
    ['a signal that is none', ['--signal', texts], 'safetensors/', 1],
  ])('says what is wrong: %s', async (_, args, code, exit) => {
    const ended = await g3(['distill', 'train', ...PLAN, '--out', at('none.gguf'), ...args])
    expect(ended.stderr).toContain(code)
    expect(ended.code).toBe(exit)
    expect(existsSync(at('none.gguf'))).toBe(false)
  })

  it('a disk that is full: the error names the file, and nothing is lost', async () => {
    if (!existsSync('/dev/full')) return
    const ended = await g3([
      'distill',
      'train',
      ...PLAN,
      '--data',
      texts,
      '--log',
      '/dev/full',
      '--out',
      at('full.gguf'),
    ])
    expect(ended.stderr).toContain('cli/unwritable-file')
    expect(ended.code).toBe(1)
  })
})
