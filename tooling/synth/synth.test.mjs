import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { dequantize, reference } from '../../packages/backend/dist/index.js'
import { cpu } from '../../packages/kernels-cpu/dist/index.js'
import { fileSource, readGguf, tensorNamed, tokenizerFields } from '../../packages/runtime/dist/gguf.js'
import { configFromGguf, loadGemma3 } from '../../packages/runtime/dist/index.js'
import { tokenizerFromGguf } from '../../packages/tokenizer/dist/index.js'
import { parse, run } from './command.mjs'
import { SIZES } from './metadata.mjs'
import { planModel, writeModel } from './write-model.mjs'

const folder = mkdtempSync(join(tmpdir(), 'g3-synth-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const small = { size: '1b', type: 'q4_0', layers: 2, rows: 4096, vocabulary: 'synthetic', seed: 1 }

/** Writes a model and hands it, opened, to `use`. */
async function withModel(request, use) {
  const out = join(folder, 'model.gguf')
  await writeModel({ ...small, ...request, out })
  const source = await fileSource(await open(out), 'model.gguf')
  try {
    return await use(await readGguf(source))
  } finally {
    await source.close()
    rmSync(out)
  }
}

describe('planned files have the sizes of published ones', () => {
  // MB: Google's QAT files, their smaller versions by stduhpf, the mixtures of ggml-org, unsloth and bartowski.
  it.each([
    ['1b', 'q4_0', undefined, 1000],
    ['4b', 'q4_0', undefined, 3160],
    ['12b', 'q4_0', undefined, 8070],
    ['1b', 'q4_0', 'q6_k', 720],
    ['4b', 'q4_0', 'q6_k', 2360],
    ['12b', 'q4_0', 'q6_k', 6890],
    ['270m', 'q4_k_m', undefined, 253],
    ['1b', 'q4_k_m', undefined, 806],
    ['4b', 'q4_k_m', undefined, 2490],
    ['12b', 'q4_k_m', undefined, 7300],
    ['27b', 'q4_k_m', undefined, 16_500],
    ['1b', 'q8_0', undefined, 1070],
    ['4b', 'q8_0', undefined, 4130],
    ['12b', 'q8_0', undefined, 12_500],
    ['27b', 'q8_0', undefined, 28_700],
  ])('%s %s, embedding %s', (size, type, embedding, megabytes) => {
    const { tensors } = planModel({ size, type, embedding, layers: SIZES[size].layers })
    // Headers are 6 to 7 MB; published figures are rounded.
    const planned = tensors.reduce((sum, { byteLength }) => sum + byteLength, 6.5e6) / 1e6
    expect(Math.abs(planned / megabytes - 1)).toBeLessThan(0.015)
  })

  it('the real 270M has the same type for every tensor', () => {
    const oracle = new URL('../../packages/runtime/fixtures/gguf-py/gemma-3-270m-q4_k_m.json', import.meta.url)
    const { tensors } = JSON.parse(readFileSync(oracle, 'utf8'))
    const types = (list) => Object.fromEntries(list.map(({ name, type }) => [name, type]))
    expect(types(planModel({ size: '270m', type: 'q4_k_m', layers: 18 }).tensors)).toEqual(types(tensors))
  })
})

describe('a written file', () => {
  it.each(['q4_0', 'q4_k_m', 'q8_0'])('of type %s has the dimensions, and weights of the right size', async (type) => {
    await withModel({ size: '270m', type, embedding: type === 'q4_0' ? 'f16' : undefined }, async (gguf) => {
      expect(configFromGguf(gguf)).toEqual({ ...SIZES['270m'], layers: 2, vocab: 4096, rmsEps: Math.fround(1e-6) })
      for (const tensor of gguf.tensors.values()) {
        const packed = new Uint8Array(tensor.byteLength)
        await tensor.read(0, packed)
        const values = new Float32Array(tensor.rows * tensor.cols)
        dequantize(tensor.type, packed, values)
        if (tensor.rows === 1) continue
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length
        const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
        const wanted = 1 / Math.sqrt(tensor.cols)
        expect(Math.abs(deviation / wanted - 1), `${tensor.name} ${tensor.type}`).toBeLessThan(0.1)
        expect(Math.abs(mean / wanted), `${tensor.name} ${tensor.type}`).toBeLessThan(0.02)
      }
    })
  })

  it('of 4B has RoPE scaling and the rows that images and padding have', async () => {
    await withModel({ size: '4b', layers: 1, rows: 1024 }, (gguf) => {
      expect(configFromGguf(gguf).rope).toEqual(SIZES['4b'].rope)
    })
    expect(planModel({ ...small, size: '4b', rows: undefined }).config.vocab).toBe(262_208)
  })

  it('has a vocabulary that takes any text apart and puts it together', async () => {
    await withModel({ size: '270m', layers: 1 }, (gguf) => {
      const tokenizer = tokenizerFromGguf(tokenizerFields(gguf))
      const text = 'Any text: naïve, 東京, 1 + 1 = 2.\n'
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
    })
  })

  it('is the same for the same seed, another for another', async () => {
    const digest = (request) =>
      withModel({ size: '270m', layers: 1, rows: 1024, ...request }, async ({ source }) => {
        const bytes = new Uint8Array(source.size)
        await source.read(0, bytes)
        return createHash('sha256').update(bytes).digest('hex')
      })
    const first = await digest({})
    expect(await digest({})).toBe(first)
    expect(await digest({ seed: 2 })).not.toBe(first)
  })
})

describe('logits of a random 1B of two layers', () => {
  const ids = Int32Array.from({ length: 40 }, (_, i) => (i * 911 + 2) % 4096)

  async function logitsOn(gguf, backend) {
    await using owned = backend
    const model = await loadGemma3(owned, (name) => tensorNamed(gguf, name), configFromGguf(gguf), { context: 64 })
    const sequence = model.sequence()
    await sequence.append(ids.subarray(0, 38))
    for (const id of ids.subarray(38)) sequence.step(id)
    return await sequence.logits()
  }

  it.each(['q4_0', 'q4_k_m', 'q8_0'])('of type %s are those of the reference', async (type) => {
    await withModel({ type }, async (gguf) => {
      const want = await logitsOn(gguf, reference())
      const spread = Math.sqrt(want.reduce((sum, value) => sum + value * value, 0) / want.length)
      expect(spread).toBeGreaterThan(2)
      expect(spread).toBeLessThan(8)
      const got = await logitsOn(gguf, await cpu({ threads: 2, precision: 'exact' }))
      const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i])), 0)
      expect(worst).toBeLessThan(1e-4)
    })
  })
})

function listener() {
  const [lines, errors] = [[], []]
  return { lines, errors, log: (line) => lines.push(line), error: (line) => errors.push(line) }
}

describe('the command', () => {
  const ARGS = ['--size', '1b', '--type', 'q4_0', '--out', 'x.gguf']

  it('reads its arguments', () => {
    expect(parse([...ARGS, '--layers', '3', '--embedding', 'q6_k'])).toEqual({
      size: '1b',
      type: 'q4_0',
      out: 'x.gguf',
      embedding: 'q6_k',
      layers: 3,
      rows: undefined,
      vocabulary: undefined,
      seed: 1,
    })
    expect(parse(ARGS).layers).toBe(26)
  })

  it.each([
    [['--size', '1b', '--type', 'q4_0'], /--out is missing/],
    [['--type', 'q4_0', '--out', 'x'], /--size is missing/],
    [[...ARGS, '--size', '2b'], /--size is 2b/],
    [[...ARGS, '--type', '__proto__'], /--type is __proto__/],
    [[...ARGS, '--layers', '0'], /--layers is 0/],
    [[...ARGS, '--layers', '27'], /from 1 to 26/],
    [[...ARGS, '--layers', '1.5'], /--layers is 1.5/],
    [[...ARGS, '--rows', '10'], /--rows is 10/],
    [[...ARGS, '--seed', '-1'], /seed/],
    [[...ARGS, '--faster'], /faster/],
  ])('%j is wrong usage', async (args, message) => {
    expect(() => parse(args)).toThrow(message)
    const said = listener()
    expect(await run(args, said)).toBe(2)
    expect(said.errors).toEqual([expect.stringMatching(message)])
  })

  it('fails with 1 and leaves nothing behind', async () => {
    const args = ['--size', '270m', '--type', 'q4_0', '--layers', '1', '--rows', '1024']
    for (const [out, vocabulary, message] of [
      ['none/x.gguf', 'synthetic', /ENOENT.*none/],
      ['x.gguf', join(folder, 'none.gguf'), /vocabulary of .*none\.gguf.*ENOENT/],
    ]) {
      const said = listener()
      expect(await run([...args, '--out', join(folder, out), '--vocabulary', vocabulary], said)).toBe(1)
      expect(said.errors).toEqual([expect.stringMatching(message)])
    }
    expect(readdirSync(folder)).toEqual([])
  })

  it('says what it wrote', async () => {
    const said = listener()
    const args = ['--size', '270m', '--type', 'q4_0', '--layers', '1', '--rows', '1024', '--vocabulary', 'synthetic']
    expect(await run([...args, '--out', join(folder, 'x.gguf')], said)).toBe(0)
    expect(said).toEqual({ ...said, errors: [], lines: [expect.stringMatching(/x\.gguf: \d+\.\d MB, 15 tensors/)] })
  })
})
