import { reference, type Backend } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { describe, expect, it } from 'vitest'
import type { TextSequence } from '../model/gemma3.js'
import { lastLogits, loraGoldens } from '../testing/lora-goldens.js'
import { largestDifference, tinyModel } from '../testing/tiny-random.js'

const goldens = loraGoldens()
const { load } = goldens
const IDS = goldens.cases[0].ids

/** How far a model is from each golden, all adapters loaded once and used by turns. */
async function distances(backend: Backend): Promise<readonly number[]> {
  await using model = await tinyModel({ backend })
  const loaded = new Map<string, Awaited<ReturnType<typeof load>>>()
  const found: number[] = []
  for (const each of goldens.cases) {
    const uses = []
    for (const { file, scale } of each.adapters) {
      const adapter = loaded.get(file) ?? (await load(model, file))
      loaded.set(file, adapter)
      uses.push({ adapter, scale })
    }
    await model.adapters.use(uses)
    found.push(largestDifference(await lastLogits(model, each.ids, each.rows), goldens.logits(each)))
  }
  return found
}

describe('adapters against Hugging Face with merged weights', () => {
  it('change what comes out, all of them', () => {
    const [plain, ...others] = goldens.cases.map(goldens.logits)
    for (const other of others) expect(largestDifference(other, plain)).toBeGreaterThan(0.1)
  })

  it('reference', async () => {
    await using backend = reference()
    for (const distance of await distances(backend)) expect(distance).toBeLessThan(1e-4)
  })

  it.each([
    ['exact', 1e-3],
    ['precise', 1e-2],
  ] as const)('CPU, %s', async (precision, bound) => {
    await using backend = await cpu({ threads: 2, precision })
    for (const distance of await distances(backend)) expect(distance).toBeLessThan(bound)
  })
})

/** A tiny model whose adapters are loaded, and what it gives without them. */
async function loadedModel(backend: Backend, sequences = 1) {
  const model = await tinyModel({ backend, sequences, context: 256, maxRows: 32 })
  const [all, attention] = [await load(model, 'all.gguf'), await load(model, 'attn.gguf')]
  return { model, all, attention }
}

const picks = async (text: TextSequence, count: number): Promise<readonly number[]> => {
  const ids: number[] = []
  for (let i = 0; i < count; i++) {
    ids.push(await text.pick())
    text.step(ids[i])
  }
  return ids
}

describe('adapters in use', () => {
  it('leave no trace once they are not, and need not be loaded again', async () => {
    await using backend = await cpu({ threads: 1 })
    const { model, all, attention } = await loadedModel(backend)
    const plain = await lastLogits(model, IDS, 4)
    const both = [{ adapter: all, scale: 0.5 }, { adapter: attention }]
    await model.adapters.use(both)
    const changed = await lastLogits(model, IDS, 4)
    expect(changed).not.toEqual(plain)
    for (let time = 0; time < 2; time++) {
      await model.adapters.use([])
      expect(await lastLogits(model, IDS, 4)).toEqual(plain)
      await model.adapters.use([{ adapter: all, scale: 0 }])
      expect(await lastLogits(model, IDS, 4)).toEqual(plain)
      await model.adapters.use(both)
      expect(await lastLogits(model, IDS, 4)).toEqual(changed)
    }
    expect(model.adapters.inUse).toEqual(both)
    await all[Symbol.asyncDispose]()
    await all[Symbol.asyncDispose]()
    expect(model.adapters.inUse).toEqual([{ adapter: attention }])
    await attention[Symbol.asyncDispose]()
    expect(await lastLogits(model, IDS, 4)).toEqual(plain)
    await expect(model.adapters.use([{ adapter: all }])).rejects.toMatchObject({ code: 'lora/bad-use' })
  })

  it('are refused where they cannot be', async () => {
    await using backend = reference()
    const { model, all } = await loadedModel(backend)
    const other = await loadedModel(backend)
    const bad = { code: 'lora/bad-use' }
    await expect(model.adapters.use([{ adapter: all }, { adapter: all, scale: 2 }])).rejects.toMatchObject(bad)
    await expect(model.adapters.use([{ adapter: all, scale: NaN }])).rejects.toMatchObject(bad)
    await expect(model.adapters.use([{ adapter: other.all }])).rejects.toMatchObject(bad)
    const text = model.sequence()
    const reading = text.append(IDS)
    await expect(model.adapters.use([{ adapter: all }])).rejects.toMatchObject({ code: 'model/busy' })
    await reading
    await model[Symbol.asyncDispose]()
    await expect(model.adapters.use([])).rejects.toMatchObject({ code: 'model/disposed' })
    await expect(load(model, 'attn.gguf')).rejects.toMatchObject({ code: 'model/disposed' })
    const bare: Backend = { ...backend, caps: { ...backend.caps, rankStep: 0 } }
    await using unable = await tinyModel({ backend: bare })
    await expect(load(unable, 'attn.gguf')).rejects.toMatchObject({ code: 'lora/backend' })
  })

  it('read ahead what the head has drawn, as when nothing runs ahead', async () => {
    const inner = reference()
    await using backend: Backend = { ...inner, caps: { ...inner.caps, runsAhead: true } }
    const { model, all } = await loadedModel(backend)
    await model.adapters.use([{ adapter: all }])
    const text = model.sequence()
    await text.append(IDS)
    const want = await picks(text, 6)
    text.reset()
    await text.append(IDS)
    const coming = [text.pick()]
    for (let i = 1; i < 6; i++) {
      coming.push(text.follow())
      await coming[i - 1]
    }
    expect(await Promise.all(coming)).toEqual(want)
  })

  it('hold for all texts of a batch', async () => {
    await using backend = await cpu({ threads: 1 })
    const { model, all } = await loadedModel(backend, 2)
    await model.adapters.use([{ adapter: all }])
    const texts = [model.sequence(), model.sequence()]
    await texts[0].append(IDS)
    await texts[1].append(IDS.slice(0, 40))
    const alone = await Promise.all(texts.map((text) => text.logits()))
    const batch = model.batch(texts)
    const together = await batch.logits()
    expect([together.slice(0, 512), together.slice(512)]).toEqual(alone)
  })
})

describe('a text that was read under other adapters', () => {
  it('waits for them, or is read anew', async () => {
    await using backend = reference()
    const { model, all } = await loadedModel(backend, 2)
    const foreign = { code: 'model/other-adapters' }
    const text = model.sequence()
    await text.append(IDS)
    const want = await text.logits()
    await model.adapters.use([{ adapter: all }])
    await expect(text.logits()).rejects.toMatchObject(foreign)
    await expect(text.append([5])).rejects.toMatchObject(foreign)
    expect(() => text.step(5)).toThrow(expect.objectContaining(foreign))
    expect(() => text.fork()).toThrow(expect.objectContaining(foreign))
    expect(text.shared(Int32Array.from(IDS))).toBe(0)
    await model.adapters.use([{ adapter: all, scale: 0.5 }])
    await expect(text.pick()).rejects.toMatchObject(foreign)
    await model.adapters.use([])
    expect(await text.logits()).toEqual(want)
    await model.adapters.use([{ adapter: all }])
    expect(text.reuse(Int32Array.from(IDS)).reused).toBe(0)
    await text.append(IDS)
    expect(await text.logits()).not.toEqual(want)
  })

  it('is found again by those that come back, and never by others', async () => {
    await using backend = reference()
    const { model, all, attention } = await loadedModel(backend)
    const ids = Int32Array.from(IDS)
    const sets = [[], [{ adapter: all }], [{ adapter: all, scale: 0.5 }], [{ adapter: all }, { adapter: attention }]]
    const text = model.sequence()
    const want: Float32Array[] = []
    for (const set of sets) {
      await model.adapters.use(set)
      expect(text.reuse(ids)).toEqual({ reused: 0, branch: 0 })
      await text.append(ids)
      text.keep()
      want.push(await text.logits())
    }
    for (const [i, set] of sets.entries()) {
      await model.adapters.use(set)
      expect(text.reuse(ids).reused).toBe(ids.length)
      expect(await text.logits()).toEqual(want[i])
    }
  })

  it('is saved with their name', async () => {
    await using backend = reference()
    const { model, all } = await loadedModel(backend)
    await model.adapters.use([{ adapter: all }])
    const text = model.sequence()
    await text.append(IDS)
    const want = await text.logits()
    const bytes: Uint8Array[] = []
    for await (const part of text.save()) bytes.push(part.slice())
    const saved = async function* () {
      yield* bytes
    }
    await model.adapters.use([])
    await expect(text.restore(saved())).rejects.toMatchObject({ code: 'kv-cache/snapshot-foreign' })
    await model.adapters.use([{ adapter: all, scale: 2 }])
    await expect(text.restore(saved())).rejects.toMatchObject({ code: 'kv-cache/snapshot-foreign' })

    const other = await loadedModel(backend)
    await other.model.adapters.use([{ adapter: other.all }])
    const elsewhere = other.model.sequence()
    await elsewhere.restore(saved())
    expect(await elsewhere.logits()).toEqual(want)
  })
})
