import { PAGE, reference, type Backend } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { memoryFolder, tinyFiles, tinyTokenizerJson, type MemoryFolder } from '../testing/tiny-checkpoint.js'
import { goldenFloats, goldens, largestDifference } from '../testing/tiny-random.js'
import { loadModel, type LoadOptions, type OpenBackend } from './load.js'
import { openModel } from './source.js'

const PROMPT = Int32Array.from(goldens().prompts.text_short.ids)
const CONFIG = JSON.parse(new TextDecoder().decode(tinyFiles()['config.json']))

const folder = (more: Readonly<Record<string, string>> = {}): MemoryFolder =>
  memoryFolder({ ...tinyFiles(), 'tokenizer.json': tinyTokenizerJson(), ...more })

/** A backend that notes in which type each weight came. */
function noting(types: Map<string, string>): Backend {
  const backend = reference()
  return {
    ...backend,
    load(tensor, signal) {
      types.set(tensor.name, tensor.type)
      return backend.load(tensor, signal)
    },
  }
}

async function idsOf(source: LoadOptions['source'], options: Partial<LoadOptions> = {}): Promise<readonly number[]> {
  await using backend = reference()
  await using model = await loadModel({ source, backend, ...options })
  return (await model.generate(PROMPT, { temperature: 0, maxTokens: 12 }).result()).ids
}

async function logitsOf(source: LoadOptions['source'], options: Partial<LoadOptions> = {}): Promise<Float32Array> {
  await using backend = reference()
  await using model = await loadModel({ source, backend, ...options })
  return await model.logits(PROMPT)
}

const tinyGguf = (type: string) => fixtureBytes(`tiny-random/tiny-text-${type}.gguf`)

describe('a checkpoint', () => {
  it('loads and writes what its GGUF conversion writes, and closes its files', async () => {
    const checkpoint = folder()
    expect(await idsOf(checkpoint.files)).toEqual(await idsOf(tinyGguf('f32')))
    expect(checkpoint.open).toBe(0)
  })

  it('has the tokenizer of its tokenizer.json', async () => {
    await using backend = reference()
    await using model = await loadModel({ source: folder().files, backend, context: 64 })
    expect(model).toMatchObject({ name: 'safetensors checkpoint', context: 64, instructionTuned: false })
    expect(model.tokenizer.decode(model.encode('ab c'), { skipSpecial: true })).toBe('ab c')
  })

  it.each<[string, boolean, Record<string, string>]>([
    ['ends texts with the end of the text', false, { 'generation_config.json': '{"eos_token_id":1}' }],
    ['ends texts with the end of a turn', true, { 'generation_config.json': '{"eos_token_id":[1,5]}' }],
    ['says so in config.json', true, { 'config.json': JSON.stringify({ ...CONFIG, eos_token_id: [1, 5] }) }],
    ['brings a template in its settings', true, { 'tokenizer_config.json': '{"chat_template":"{{ messages }}"}' }],
    ['brings a template in a file', true, { 'chat_template.jinja': '{{ messages }}' }],
    ['has settings without a template', false, { 'tokenizer_config.json': '{"chat_template":null}' }],
  ])('that %s: tuned is %s', async (_, tuned, more) => {
    const checkpoint = folder(more)
    const opened = await openModel(checkpoint.files)
    expect(opened.instructionTuned).toBe(tuned)
    await opened.close()
    expect(checkpoint.open).toBe(0)
  })

  it('takes a prompt after a text as its next turn, or as more of the same', async () => {
    await using backend = reference()
    await using model = await loadModel({ source: folder().files, backend, context: 64 })
    const user = (content: string) => ({ role: 'user', content })
    const whole = model.encode([user('a b'), { role: 'assistant', content: 'c' }, user('d')])
    const answered = Int32Array.of(...model.encode([user('a b')]), ...model.tokenizer.encode('c'))
    expect(model.encode([user('d')], answered)).toEqual(whole)
    const text = model.encode('a b')
    expect(model.encode(' c', text)).toEqual(Int32Array.of(...text, ...model.tokenizer.encode(' c')))
    expect(model.encode(Int32Array.of(7), text)).toEqual(Int32Array.of(...text, 7))
  })

  it('has the name that its config.json gives it', async () => {
    const config = JSON.stringify({ ...CONFIG, _name_or_path: 'someone/gemma' })
    expect((await openModel(folder({ 'config.json': config }).files)).name).toBe('someone/gemma')
  })

  it.each<[string, string, MemoryFolder]>([
    ['no tokenizer.json', 'safetensors/missing-file', memoryFolder(tinyFiles())],
    ['a tokenizer.json of another kind', 'tokenizer/bad-json', folder({ 'tokenizer.json': '{}' })],
    ['a tokenizer.json that is cut', 'safetensors/bad-json', folder({ 'tokenizer.json': '{"model":' })],
    ['settings that are no JSON', 'safetensors/bad-json', folder({ 'generation_config.json': 'x' })],
  ])('with %s is refused, its files closed', async (_, code, checkpoint) => {
    await expect(idsOf(checkpoint.files)).rejects.toMatchObject({ code })
    expect(checkpoint.open).toBe(0)
  })

  it('closes its files when loading is cancelled', async () => {
    const checkpoint = folder()
    const stop = new AbortController()
    const reason = new Error('enough')
    const loading = idsOf(checkpoint.files, {
      signal: stop.signal,
      onProgress: (done) => done > 100_000 && stop.abort(reason),
    })
    await expect(loading).rejects.toBe(reason)
    expect(checkpoint.open).toBe(0)
    await expect(idsOf(checkpoint.files, { signal: stop.signal })).rejects.toBe(reason)
  })
})

describe('quantise', () => {
  it('to 8 bits computes what the GGUF conversion in 8 bits does', async () => {
    const converted = await logitsOf(tinyGguf('q8_0'))
    expect(await logitsOf(folder().files, { quantise: 'Q8_0' })).toEqual(converted)
    expect(await logitsOf(tinyGguf('f32'), { quantise: 'Q8_0' })).toEqual(converted)
    expect(await logitsOf(tinyGguf('f32'))).not.toEqual(converted)
  })

  it('to 4 bits leaves norms and the image encoder as they are, and the embedding at 8', async () => {
    const types = new Map<string, string>()
    await loadModel({ source: folder().files, backend: noting(types), quantise: 'Q4_0' })
    const { 'token_embd.weight': embedding, ...others } = Object.fromEntries(types)
    expect(embedding).toBe('Q8_0')
    const isKept = (name: string): boolean => name.includes('norm') || /^(?:v|mm)\./.test(name)
    for (const [name, type] of Object.entries(others)) expect(type).toBe(isKept(name) ? 'F32' : 'Q4_0')
  })

  it('leaves alone what is quantised', async () => {
    const types = new Map<string, string>()
    await loadModel({ source: tinyGguf('q5_0'), backend: noting(types), quantise: 'Q4_0' })
    expect(types.get('blk.0.attn_q.weight')).toBe('Q5_0')
  })
})

describe('a file of types that backends do not hold', () => {
  it('loads with a notice and almost the same logits', async () => {
    const notices: string[] = []
    const types = new Map<string, string>()
    const source = fixtureBytes('tiny-random/tinyk-text-iq3_s.gguf')
    await using backend = noting(types)
    await using model = await loadModel({ source, backend, onNotice: (notice) => notices.push(notice) })
    expect(notices).toEqual([expect.stringMatching(/IQ3_S.* 8 bits/)])
    expect(types.get('blk.0.attn_q.weight')).toBe('Q8_0')
    const want = goldenFloats('gguf.k_iq3_s.logits.bin').slice(-512)
    const got = await model.logits(Int32Array.from(goldens().prompts.text_long.ids))
    expect(largestDifference(got, want)).toBeLessThan(0.1)
    expect(got.indexOf(Math.max(...got))).toBe(want.indexOf(Math.max(...want)))
  })

  it('a file of other types has none', async () => {
    const notices: string[] = []
    await using backend = reference()
    await using _ = await loadModel({ source: tinyGguf('q4_0'), backend, onNotice: (notice) => notices.push(notice) })
    expect(notices).toEqual([])
  })
})

describe('a backend that is opened for the model', () => {
  /** Tells how often it was disposed of, and what it was opened for. */
  const opener = () => {
    const seen = { disposals: 0, rows: 0, tensors: 0, context: 0 }
    const open: OpenBackend = async ({ rows, tensors, caches }) => {
      const backend = reference()
      const pages = caches.find(({ label }) => label === 'global')?.pages ?? 0
      Object.assign(seen, { rows, tensors: tensors.length, context: pages * PAGE })
      const dispose = async (): Promise<void> => {
        seen.disposals++
        await backend.dispose()
      }
      return { ...backend, dispose }
    }
    return { seen, open }
  }

  it('knows what the model asks, and goes with it', async () => {
    const { seen, open } = opener()
    const model = await loadModel({ source: tinyGguf('q8_0'), backend: open, context: 1024, maxRows: 64 })
    expect(seen).toMatchObject({ disposals: 0, rows: 64 })
    expect(seen.tensors).toBeGreaterThan(20)
    expect(seen.context).toBeGreaterThanOrEqual(1024)
    await model[Symbol.asyncDispose]()
    expect(seen.disposals).toBe(1)
  })

  it('goes when loading fails', async () => {
    const { seen, open } = opener()
    const stop = new AbortController()
    const onProgress = (): void => stop.abort(new Error('enough'))
    const loading = loadModel({ source: tinyGguf('q8_0'), backend: open, signal: stop.signal, onProgress })
    await expect(loading).rejects.toThrow('enough')
    expect(seen.disposals).toBe(1)
  })
})
