import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { g3, TINY } from '../testing/g3.js'

const folder = mkdtempSync(join(tmpdir(), 'g3-eval-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const evaluated = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await g3(['eval', ...args, '--model', TINY, '--backend', 'cpu', '--json'])
  if (code !== 0) expect.fail(stderr)
  const report: { found: Record<string, never>; figures: readonly { name: string; value: number }[] } =
    JSON.parse(stdout)
  return report
}
const LORA = fileURLToPath(new URL('../../../../packages/runtime/fixtures/lora/all.gguf', import.meta.url))

describe('g3 eval', () => {
  const words = file('words.txt', 'the words of a text that is long enough to be measured in some windows')

  it('perplexity, and a picture of it', async () => {
    const svg = join(folder, 'figures.svg')
    const { figures } = await evaluated('perplexity', '--data', words, '--window', '16', '--stride', '5', '--svg', svg)
    const of = (name: string): number => figures.find((figure) => figure.name === name)?.value ?? NaN
    expect(of('perplexity')).toBeCloseTo(Math.exp(of('nats a token')), 6)
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg .*perplexity of .*<\/svg>\n$/s)
  })

  it('kl: nothing to itself, something to itself with an adapter', async () => {
    const plain = await evaluated('kl', '--data', words)
    expect(plain.found).toMatchObject({ largest: 0, sameTop: { value: 1 } })
    const adapted = await evaluated('kl', '--data', words, '--lora', LORA)
    expect(adapted.figures[0].value).toBeGreaterThan(0.01)
  })

  it('choice and generate', async () => {
    const choices = file('choices.jsonl', '{"prompt": "the words", "choices": [" are", " of"], "answer": 1}\n')
    const { found } = await evaluated('choice', '--data', choices)
    expect(found).toMatchObject({ items: [{ answer: 1, logLikelihoods: [expect.any(Number), expect.any(Number)] }] })
    const asked = file(
      'asked.jsonl',
      '{"prompt": "the words", "answer": "no such words"}\n{"prompt": "the", "answer": "x"}\n',
    )
    const written = await evaluated('generate', '--data', asked, '--max-tokens', '3', '--limit', '1')
    expect(written.found).toMatchObject({ accuracy: { value: 0 }, items: [{ right: false }] })
  })

  it.each([
    ['no file', ['perplexity', '--data', 'nowhere.txt'], 'cli/missing-file', 1],
    ['a line that is no item', ['choice', '--data', file('bad.jsonl', '{"prompt": "a"}')], 'distill/bad-data', 1],
    ['a recipe that nobody knows', ['choice', '--data', words, '--recipe', 'x'], 'cli/usage', 2],
    ['a recipe of another kind', ['choice', '--data', words, '--recipe', 'gsm8k'], 'cli/usage', 2],
    [
      'a stride that leaves tokens out',
      ['perplexity', '--data', words, '--window', '8', '--stride', '8'],
      'evaluate/bad-option',
      2,
    ],
  ])('says what is wrong: %s', async (_, args, code, exit) => {
    const ended = await g3(['eval', ...args, '--model', TINY, '--backend', 'cpu'])
    expect(ended.stderr).toContain(code)
    expect(ended.code).toBe(exit)
  })
})
