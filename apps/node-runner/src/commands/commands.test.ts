import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BenchReport } from '../bench/report.js'
import { g3, TINY, type RunningOptions } from '../testing/g3.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'g3-commands-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a command that must do well on the tiny model, and gives its stdout. */
async function out(args: readonly string[], options?: RunningOptions): Promise<string> {
  const { code, stdout, stderr } = await g3([...args, '--model', TINY], options)
  expect(code, stderr).toBe(0)
  return stdout
}

const json = async <T>(args: readonly string[], options?: RunningOptions): Promise<T> =>
  JSON.parse(await out(args, options)) as T

interface RunReport {
  readonly text: string
  readonly ids: readonly number[]
  readonly promptTokens: number
  readonly peakRssBytes: number
  readonly threads: number
}

describe('run', () => {
  const SHORT = ['run', '--max-tokens', '12'] as const

  it('--json has the fields of the contract and nothing else', async () => {
    const report = await json<RunReport>([...SHORT, '--json', '--threads', '2', 'hello'])
    expect(report).toEqual({
      text: expect.any(String),
      ids: expect.any(Array),
      promptTokens: 5,
      reusedTokens: 0,
      prefilledTokens: 5,
      stopReason: 'length',
      loadMs: expect.any(Number),
      prefillMs: expect.any(Number),
      prefillTokensPerSecond: expect.any(Number),
      decodeTokensPerSecond: expect.any(Number),
      peakRssBytes: expect.any(Number),
      backend: 'cpu',
      threads: 2,
    })
    expect(report.ids).toHaveLength(12)
    expect(report.peakRssBytes).toBeGreaterThan(10e6)
  })

  it('tells how likely tokens were, and draws by every sampler', async () => {
    const samplers = [
      '--typical',
      '0.9',
      '--xtc-probability',
      '0.5',
      '--dry-multiplier',
      '0.8',
      '--dry-breaker',
      'none',
    ]
    const edits = ['--repetition-penalty', '1.1', '--logit-bias', '7=-inf', '--logit-bias', '9=1']
    const asked = ['--logprobs', '2', '--prompt-logprobs', '1', '--json', 'hello']
    const report = await json<
      RunReport & Record<'logprobs' | 'promptLogprobs', ({ id: number; top: object[] } | null)[]>
    >([...SHORT, ...samplers, ...edits, ...asked])
    expect(report.logprobs.map((each) => each?.id)).toEqual(report.ids)
    expect(report.logprobs[0]?.top).toEqual(
      new Array(2).fill({ id: expect.any(Number), text: expect.any(String), logprob: expect.any(Number) }),
    )
    expect(report.promptLogprobs.map((each) => each?.top.length)).toEqual([undefined, 1, 1, 1, 1])
    const { stderr } = await g3(['run', '--max-tokens', '2', '--logprobs', '1', '--model', TINY, 'hello'])
    expect(stderr.match(/^ *-\d+\.\d{3} ".*" +-\d+\.\d{3} "/gm)).toHaveLength(2)
    const wrong = await g3(['run', '--logit-bias', 'x', '--model', TINY, 'hello'])
    expect(wrong.code).toBe(2)
  })

  it('speculates without a change, by lookup and by a model', async () => {
    const plain = await json<RunReport>([...SHORT, '--json', 'hello'])
    for (const how of ['none', 'lookup', TINY]) {
      expect((await json<RunReport>([...SHORT, '--speculate', how, '--json', 'hello'])).ids).toEqual(plain.ids)
    }
  })

  it('streams exactly the text of --json, and only that, on stdout', async () => {
    const { text } = await json<RunReport>([...SHORT, '--json', 'hello'])
    const plain = await out([...SHORT, 'hello'])
    expect(plain).toBe(text.endsWith('\n') ? text : `${text}\n`)
  })

  it('gives the same ids each time and for any number of threads; another seed gives others', async () => {
    const ids = async (...more: string[]): Promise<readonly number[]> =>
      (await json<RunReport>([...SHORT, '--json', 'hello', ...more])).ids
    const first = await ids('--threads', '1')
    expect(await ids('--threads', '1')).toEqual(first)
    expect(await ids('--threads', '3')).toEqual(first)
    expect(await ids('--seed', '7')).not.toEqual(first)
  })

  it('reads the prompt from stdin for -', async () => {
    const given = await json<RunReport>([...SHORT, '--json', 'hello'])
    expect(await json<RunReport>([...SHORT, '--json', '-'], { stdin: 'hello\n' })).toMatchObject({ ids: given.ids })
  })

  it('says what happens when the context is full: an error, or as it is told', async () => {
    const full = ['run', '--json', '--context', '8', 'hello']
    const { code, stderr } = await g3([...full, '--model', TINY])
    expect(code).toBe(1)
    expect(stderr).toContain('generate/context-full')
    const stopped = await g3([...full, '--overflow', 'stop', '--model', TINY])
    expect(JSON.parse(stopped.stdout)).toMatchObject({ stopReason: 'context' })
    expect(stopped.stderr).toContain('The context of 8 tokens is full')
    const long = 'hello '.repeat(100)
    const shift = ['run', '--json', '--context', '384', '--overflow', 'shift', '--keep', '1', '--max-tokens', '3', long]
    const shifted = await g3([...shift, '--model', TINY])
    expect(JSON.parse(shifted.stdout).promptTokens).toBeGreaterThan(384)
    expect(shifted.stderr).toContain('128 tokens after the first 128 were dropped')
  })

  it.each(['f32', 'f16', 'q8_0'])('--cache-type %s', async (type) => {
    const { ids } = await json<RunReport>([...SHORT, '--json', '--cache-type', type, 'hello'])
    expect(ids).toHaveLength(12)
  })

  it('start runs a prompt as run does', async () => {
    expect(await out(['start', '--max-tokens', '12', 'hello'])).toBe(await out([...SHORT, 'hello']))
  })
})

describe('tokenize', () => {
  it('--json gives ids and tokens without a beginning', async () => {
    const { ids, tokens } = await json<{ ids: number[]; tokens: string[] }>(['tokenize', '--json'], { stdin: 'hi é' })
    expect(tokens.join('')).toBe('hi▁é')
    expect(ids).toHaveLength(tokens.length)
    expect(ids).not.toContain(2)
  })

  it('takes stdin as it is: the last newline counts, and so does a byte-order mark', async () => {
    const tokens = async (stdin: string): Promise<string> =>
      (await json<{ tokens: string[] }>(['tokenize', '--json'], { stdin })).tokens.join('')
    expect(await tokens('a\n')).toBe('a<0x0A>')
    expect(await tokens('')).toBe('')
    expect(await tokens('\ufeffa')).toBe('<0xEF><0xBB><0xBF>a')
  })

  it('makes control tokens only with --special', async () => {
    const stdin = '<start_of_turn>'
    expect(await json(['tokenize', '--json', '--special'], { stdin })).toEqual({
      ids: [4],
      tokens: ['<start_of_turn>'],
    })
    expect((await json<{ ids: number[] }>(['tokenize', '--json'], { stdin })).ids).not.toContain(4)
  })

  it('--lines answers each JSON string with a line of ids', async () => {
    const lines = (await out(['tokenize', '--lines'], { stdin: '"hi"\n""\n"a\\nb"' })).split('\n')
    expect(lines.slice(1)).toEqual(['[]', expect.stringMatching(/^\[\d+(,\d+)+\]$/), ''])
    expect(JSON.parse(lines[0] ?? '')).toEqual(
      (await json<{ ids: number[] }>(['tokenize', '--json'], { stdin: 'hi' })).ids,
    )
  })
})

describe('logits', () => {
  interface Scores {
    readonly top: readonly (readonly [number, number])[]
    readonly logsumexp: number
    readonly ids: readonly number[]
    readonly nll?: readonly number[]
  }

  it('gives the likeliest tokens, the sum and the ids', async () => {
    const { top, logsumexp, ids, nll } = await json<Scores>(['logits', '--text', 'hi', '--top', '512', '--json'])
    expect(ids[0]).toBe(2)
    expect(nll).toBeUndefined()
    expect(top.map(([, logit]) => logit)).toEqual(top.map(([, logit]) => logit).sort((a, b) => b - a))
    expect(Math.log(top.reduce((sum, [, logit]) => sum + Math.exp(logit), 0))).toBeCloseTo(logsumexp, 6)
  })

  it('--all adds what each id cost: the same as asking for one position after the other', async () => {
    const file = join(folder, 'ids.json')
    const ids = [2, 359, 360, 287, 382]
    writeFileSync(file, JSON.stringify(ids))
    const { nll, ids: used } = await json<Scores>(['logits', '--ids-file', file, '--all', '--json'])
    expect(used).toEqual(ids)
    expect(nll).toHaveLength(ids.length - 1)
    writeFileSync(file, JSON.stringify(ids.slice(0, 2)))
    const { top, logsumexp } = await json<Scores>(['logits', '--ids-file', file, '--top', '512', '--json'])
    const logit = top.find(([id]) => id === ids[2])?.[1]
    expect(logsumexp - (logit ?? NaN)).toBeCloseTo(nll?.[1] ?? NaN, 5)
  })

  it('--precision changes the arithmetic, and exact is deterministic', async () => {
    const top = async (precision: string): Promise<string> =>
      out(['logits', '--text', 'hello', '--precision', precision, '--json'])
    expect(await top('exact')).toBe(await top('exact'))
    expect(await top('exact')).not.toBe(await top('fast'))
  })
})

describe('inspect', () => {
  it('--json describes header, metadata, tensors and types', async () => {
    const report = await json<{ bytes: number; tensors: unknown[]; types: Record<string, { bytes: number }> }>([
      'inspect',
      '--json',
    ])
    expect(report).toMatchObject({
      path: TINY,
      bytes: readFileSync(TINY).length,
      version: 3,
      metadata: { 'general.architecture': 'gemma3', 'tokenizer.ggml.tokens': { length: 512 } },
    })
    expect(report.tensors).toHaveLength(93)
    expect(Object.keys(report.types).sort()).toEqual(['F32', 'Q8_0'])
  })

  it('prints tables for people, for a path given either way', async () => {
    const page = await out(['inspect'])
    expect(page).toMatch(/^tensor +type +shape +size$/m)
    expect((await g3(['inspect', TINY])).stdout).toBe(page)
  })
})

it('models lists each name with its size and place', async () => {
  const { code, stdout } = await g3(['models', '--json'])
  expect(code).toBe(0)
  const names = (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)
  for (const size of ['270m-it', '270m', '1b-it', '4b-it', '12b-it', '27b-it'])
    expect(names).toContain(`gemma-3-${size}`)
  expect((await g3(['models'])).stdout).toMatch(/gemma-3-27b-it +Q4_K_M .* not here yet\n/)
})

it('pull prints the path of what is here', async () => {
  expect(await g3(['pull', TINY])).toMatchObject({ code: 0, stdout: `${TINY}\n` })
})

describe('bench', () => {
  it('--json has the fields of the contract', async () => {
    const report = await json<BenchReport>(['bench', '--prompt', '16', '--generate', '4', '--repeat', '3', '--json'])
    const spread = [expect.any(Number), expect.any(Number), expect.any(Number)]
    expect(report).toEqual({
      g3: {
        loadMs: expect.any(Number),
        prefill: spread,
        decode: spread,
        peakRssBytes: expect.any(Number),
        checksum: expect.stringMatching(/^[0-9a-f]{8}$/),
      },
      peers: {},
      ratios: {},
      failures: {},
      roofline: {
        readBytesPerSecond: expect.any(Number),
        macsPerSecond: expect.any(Number),
        decodeFraction: expect.any(Number),
        prefillFraction: expect.any(Number),
      },
      byContext: [],
      byBatch: [],
    })
    for (const value of Object.values(report.roofline ?? {})) expect(value).toBeGreaterThan(0)
    const { prefill } = report.g3
    expect(prefill).toEqual(prefill.toSorted((a, b) => a - b))
    expect(prefill[0]).toBeGreaterThan(0)
  })

  const decodeReport = (...flags: string[]) =>
    json<BenchReport>(['bench', '--prompt', '16', '--generate', '4', '--repeat', '1', '--json', ...flags])

  it('--context decodes after so many tokens, in rising order', async () => {
    const { byContext } = await decodeReport('--context', '900, 2,40,2')
    expect(byContext.map(({ context }) => context)).toEqual([2, 40, 900])
    for (const { decode } of byContext) expect(decode).toBeGreaterThan(0)
  })

  it('--batch decodes several sequences together', async () => {
    const { byBatch } = await decodeReport('--batch', '1,9', '--precision', 'exact')
    expect(byBatch.map(({ batch }) => batch)).toEqual([1, 9])
    for (const { tokensPerSecond } of byBatch) expect(tokensPerSecond).toBeGreaterThan(0)
  })

  it("says in one line what went wrong in an engine's process", async () => {
    const bytes = readFileSync(TINY)
    const name = 'blk.0.attn_q.weight'
    // After a tensor's name come the number of extents, two extents and the type.
    bytes.writeUInt32LE(99, bytes.indexOf(name) + name.length + 4 + 16)
    const model = join(folder, 'unknown-type.gguf')
    writeFileSync(model, bytes)
    const { code, stdout, stderr } = await g3(['bench', '--model', model, '--prompt', '16', '--repeat', '1'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^g3: g3: .*\(gguf\/unsupported-type\)$/)
  })
})
