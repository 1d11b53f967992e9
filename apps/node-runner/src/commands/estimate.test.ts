import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BLOCKS, type QuantType } from '@g3/backend'
import { expectedTensors, GEMMA3_27B } from '@g3/runtime'
import { ggufHeader } from '@g3/runtime/gguf'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { servingRanges, testServer } from '../models/testing/file-server.js'
import { g3, TINY, type RunningOptions } from '../testing/g3.js'

const GIBIBYTE = 2 ** 30

interface Report {
  readonly weightsBytes: number
  readonly cache: { readonly localBytes: number; readonly globalBytes: number }
  readonly scratchBytes: number
  readonly peakBytes: number
  readonly maxContextForBudget: number
}

/** The file of a 27B in Q4_0, of which only the header is there: how it begins, and its size. */
function large27b(): { readonly head: Uint8Array; readonly size: number; readonly weights: number } {
  const { width, ffn, heads, kvHeads, headDim, layers, context, window, rmsEps } = GEMMA3_27B
  const tensors = Array.from(expectedTensors(GEMMA3_27B), ([name, shape]) => {
    const type: QuantType = shape.length === 1 ? 'F32' : 'Q4_0'
    const { id, blockWeights, blockBytes } = BLOCKS[type]
    const weights = shape.reduce((product, extent) => product * extent, 1)
    return { name, shape, type: id, byteLength: (weights / blockWeights) * blockBytes }
  })
  const sizes = {
    block_count: layers,
    embedding_length: width,
    feed_forward_length: ffn,
    context_length: context,
    'attention.head_count': heads,
    'attention.head_count_kv': kvHeads,
    'attention.key_length': headDim,
    'attention.value_length': headDim,
    'attention.sliding_window': window,
  }
  const metadata = {
    'general.architecture': 'gemma3',
    'gemma3.attention.layer_norm_rms_epsilon': { f32: rmsEps },
    ...Object.fromEntries(Object.entries(sizes).map(([key, value]) => [`gemma3.${key}`, { u32: value }])),
  }
  const { bytes: head, offsets } = ggufHeader({ metadata, tensors })
  const weights = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0)
  return { head, size: offsets[tensors.length - 1] + tensors[tensors.length - 1].byteLength, weights }
}

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'g3-estimate-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function report(args: readonly string[], options?: RunningOptions): Promise<Report> {
  const { code, stdout, stderr } = await g3(['estimate', '--json', ...args], options)
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Report
}

describe('estimate', () => {
  it('--json has the fields of the contract, for a path given either way', async () => {
    const found = await report([TINY, '--threads', '2'])
    expect(found).toEqual({
      model: 'tiny-text-q8_0.gguf',
      cacheType: 'f16',
      sequences: 1,
      budgetBytes: expect.any(Number),
      context: 1024,
      weightsBytes: expect.any(Number),
      cache: { localBytes: expect.any(Number), globalBytes: expect.any(Number) },
      scratchBytes: expect.any(Number),
      peakBytes: expect.any(Number),
      checkpointBytes: expect.any(Number),
      maxContextForBudget: 1024,
    })
    expect(await report(['--model', TINY, '--threads', '2'])).toEqual(found)
  })

  it('counts what it is asked about', async () => {
    const one = await report([TINY, '--context', '512'])
    const more = await report([TINY, '--context', '1024', '--sequences', '3', '--cache-type', 'f32', '--budget', '1MB'])
    expect(more.cache.globalBytes).toBe(2 * 3 * 2 * one.cache.globalBytes)
    expect(more.cache.localBytes).toBe(3 * 2 * one.cache.localBytes)
    expect(more.maxContextForBudget).toBe(0)
  })

  it('prints a table for people', async () => {
    const { stdout } = await g3(['estimate', TINY, '--budget', '4GiB'])
    expect(stdout).toMatch(/^tiny-text-q8_0\.gguf: one text of 1,024 tokens, cache in f16\n\nmemory +MiB\n/)
    for (const part of ['weights', 'cache, global layers', 'cache, local layers', 'scratch', 'peak']) {
      expect(stdout).toMatch(new RegExp(`^${part} +\\d+`, 'm'))
    }
    expect(stdout).toMatch(/Into 4\.0 GiB fits a context of 1,024 tokens, all that it was trained for\.\n$/)
  })

  it('reads the header of a 27B elsewhere, and nothing more', async () => {
    const { head, size, weights } = large27b()
    await using server = await testServer(servingRanges(head, size))
    const cache = join(folder, 'cache')
    const env = { G3_CACHE: cache }
    const args = [`${server.url}/gemma-27b.gguf`, '--context', '32768', '--budget', '24GiB']
    const found = await report(args, { env })
    expect(found.weightsBytes).toBe(weights)
    // 2,976 MiB are the keys and values of 32,768 positions, windows where layers are local.
    expect((found.cache.localBytes + found.cache.globalBytes) / 2 ** 20).toBe(2976)
    expect(found.peakBytes).toBeLessThan(19 * GIBIBYTE)
    expect(found.maxContextForBudget).toBeGreaterThan(65_536)
    expect(size).toBeGreaterThan(14 * GIBIBYTE)
    expect(server.sent).toBeLessThan(2 * 2 ** 20)
    expect(() => readdirSync(cache)).toThrow('ENOENT')
  })

  it('asks the hub for the header of a known model, with the token', async () => {
    const { head, size } = large27b()
    await using server = await testServer(servingRanges(head, size))
    const env = { G3_HUB: server.url, HF_TOKEN: 'secret' }
    await report(['gemma-3-27b-it'], { env })
    expect(server.asked[0]).toMatchObject({
      path: '/ggml-org/gemma-3-27b-it-GGUF/resolve/main/gemma-3-27b-it-Q4_K_M.gguf',
      authorization: 'Bearer secret',
    })
    const { stderr } = await g3(['estimate', 'gemma-3-270m'], { env })
    expect(stderr).toContain('gemma-3-270m-Q8_0.gguf')
    expect(server.sent).toBeLessThan(4 * 2 ** 20)
  })

  it.each([
    ['no GGUF file', (bytes: Uint8Array) => bytes.fill(0, 0, 4), 'gguf/bad-magic'],
    ['counts past the file', (bytes: Uint8Array) => bytes.fill(255, 8, 14), 'gguf/too-large'],
    ['a header that ends early', (bytes: Uint8Array) => bytes.fill(255, 24, 28), 'gguf/'],
  ])('refuses %s, as inspect does', async (name, damage, code) => {
    const path = join(folder, `${name}.gguf`)
    const { head, size } = large27b()
    damage(head)
    writeFileSync(path, head)
    truncateSync(path, size)
    const refused = await g3(['estimate', path])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain(`(${code}`)
    expect((await g3(['inspect', path])).stderr).toBe(refused.stderr)
  })

  it.each([
    [['--budget', '4'], 2, '4GiB'],
    [['--budget', '-1GB'], 2, '4GiB'],
    [['--budget', '99999999TiB'], 2, '4GiB'],
    [['--context', '1025'], 2, 'generate/bad-context'],
    [['--sequences', '1025'], 2, '1 to 1024'],
    [['--model', 'nothing'], 1, 'models/unknown-name'],
  ])('refuses %s', async (args, code, text) => {
    const refused = await g3(['estimate', ...(args[0] === '--model' ? [] : [TINY]), ...args])
    expect(refused).toMatchObject({ code, stdout: '' })
    expect(refused.stderr).toContain(text)
  })
})
