import { reference } from '@g3/backend'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadModel } from '../generate/load.js'
import type { Model } from '../generate/model.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { memoryFolder, tinyFiles, tinyTokenizerJson } from '../testing/tiny-checkpoint.js'
import { tinyView } from '../testing/tiny-random.js'
import { counted } from './testing/counted.js'
import { restoreSession } from './restored.js'
import { session, type Chat } from './session.js'

const greedy = { temperature: 0, maxTokens: 6 }

/** The tiny model, and how many rows it has run since it was last asked. */
async function tiny(options: { eyes?: boolean; context?: number } = {}): Promise<{ model: Model; rows: () => number }> {
  const { backend, rows } = counted(reference())
  const json = tinyTokenizerJson(['<start_of_image>', '<end_of_image>'])
  const model = await loadModel({
    source: memoryFolder({ ...tinyFiles(), 'tokenizer.json': json }).files,
    backend,
    context: options.context ?? 512,
    maxRows: 16,
    ...(options.eyes && { mmproj: fixtureBytes('tiny-random/tiny-mmproj-f16.gguf') }),
  })
  return { model, rows }
}

/** The text of a conversation as the template would have it. */
const rendered = (chat: Chat): readonly unknown[] => chat.messages.map(({ role, content }) => [role, content])

describe('a session', () => {
  it('keeps turns when they are answered, and instructions apart', async () => {
    const { model } = await tiny()
    const chat = session(model, { system: 'be brief' })
    const first = await chat.send('hello', greedy).result()
    expect(rendered(chat)).toEqual([
      ['user', 'hello'],
      ['assistant', first.text],
    ])
    const prompt = model.encode([
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'hello' },
    ])
    expect([...chat.ids]).toEqual([...prompt, ...first.ids])
    chat.reset()
    expect([chat.messages.length, chat.ids.length, chat.system]).toEqual([0, 0, 'be brief'])
  })

  it('keeps a part of an answer, and nothing of a turn that failed or was aborted before its first text', async () => {
    const { model } = await tiny({ context: 64 })
    const chat = session(model)
    let text = ''
    for await (const chunk of chat.send('go', greedy)) {
      text += chunk.text
      if (text !== '') break
    }
    expect(chat.messages.at(-1)).toEqual({ role: 'assistant', content: text })
    await chat.send('again', { signal: AbortSignal.abort() }).result()
    expect(chat.messages).toHaveLength(2)
    await expect(chat.send('x'.repeat(200), greedy).result()).rejects.toMatchObject({
      code: 'generate/prompt-too-long',
    })
    expect(chat.messages).toHaveLength(2)
  })

  it('answers one turn at a time', async () => {
    const { model } = await tiny()
    const chat = session(model)
    const first = chat.send('one', greedy)
    const busy = expect.objectContaining({ code: 'generate/busy' })
    expect(() => chat.send('two')).toThrow(busy)
    expect(() => chat.regenerate()).toThrow(busy)
    expect(() => chat.reset()).toThrow(busy)
    expect(() => chat.save()).toThrow(busy)
    await first.result()
    await chat.send('two', greedy).result()
    expect(chat.messages).toHaveLength(4)
  })

  it('refuses turns that are not there', async () => {
    const { model } = await tiny()
    const chat = session(model)
    const none = expect.objectContaining({ code: 'session/no-turn' })
    expect(() => chat.regenerate()).toThrow(none)
    await chat.send('one', greedy).result()
    expect(() => chat.regenerate({ at: 0 })).toThrow(none)
    expect(() => chat.edit(1, 'no')).toThrow(none)
    expect(() => chat.rewind(1)).toThrow(none)
  })

  it('begins an answer with what it is told', async () => {
    const { model } = await tiny()
    const chat = session(model)
    const { text, ids } = await chat.send('hello', { ...greedy, prefix: 'ab' }).result()
    expect(chat.messages.at(-1)).toEqual({ role: 'assistant', content: `ab${text}` })
    const prompt = model.encode([{ role: 'user', content: 'hello' }])
    expect([...chat.ids]).toEqual([...prompt, ...model.tokenizer.encode('ab'), ...ids])
  })
})

describe('rows that really run', () => {
  it('are those that are new, in every turn: an answer stays the ids that were generated', async () => {
    const { model, rows } = await tiny()
    const chat = session(model, { system: 'be brief' })
    const first = await chat.send('hello', greedy).result()
    // All of the prompt, and each token but the last.
    expect(rows()).toBe(first.promptTokens + first.ids.length - 1)
    for (const content of ['more', ' and more ', 'on\n']) {
      const before = chat.ids.length
      const next = await chat.send(content, greedy).result()
      expect(next.cachedTokens).toBe(before - 1)
      expect(rows()).toBe(next.promptTokens - (before - 1) + next.ids.length - 1)
    }
  })

  it('are one when an answer is asked for again, and those of the new text when a turn is edited', async () => {
    const { model, rows } = await tiny()
    const chat = session(model)
    await chat.send('hello', greedy).result()
    const first = await chat.send('more', greedy).result()
    rows()
    const again = await chat.regenerate(greedy).result()
    expect(again.ids).toEqual(first.ids)
    expect(rows()).toBe(1 + again.ids.length - 1)

    const start = chat.fork()
    start.rewind(2)
    const edited = await chat.edit(2, 'less', greedy).result()
    expect(rows()).toBe(edited.promptTokens - edited.cachedTokens + edited.ids.length - 1)
    expect(edited.cachedTokens).toBeGreaterThanOrEqual(start.ids.length)
    expect(chat.messages).toHaveLength(4)
    const early = await chat.regenerate({ ...greedy, at: 1 }).result()
    expect(chat.messages).toHaveLength(2)
    expect(early.cachedTokens).toBe(early.promptTokens - 1)
  })

  it('are not those of what a fork shares with its origin', async () => {
    const { model, rows } = await tiny()
    const chat = session(model)
    await chat.send('a longer beginning of both', greedy).result()
    const other = chat.fork()
    const common = chat.ids.length
    rows()
    const one = await chat.send('left', greedy).result()
    const two = await other.send('right', greedy).result()
    expect([one.cachedTokens, two.cachedTokens]).toEqual([common - 1, two.cachedTokens])
    expect(two.cachedTokens).toBeGreaterThanOrEqual(common - 1)
    expect(chat.messages.slice(0, 2)).toEqual(other.messages.slice(0, 2))
    expect(chat.messages[2]).not.toEqual(other.messages[2])
    // The fork writes what it would have written alone.
    const { model: fresh } = await tiny()
    expect((await fresh.generate(other.ids.slice(0, two.promptTokens), greedy).result()).ids).toEqual(two.ids)
  })

  it('are none of what a text says otherwise: a stop string is cut from the text and from what follows', async () => {
    const { model } = await tiny()
    const chat = session(model)
    const whole = await chat.send('hello', { ...greedy, maxTokens: 12 }).result()
    const stop = whole.text.slice(3, 5)
    const cut = await chat.regenerate({ ...greedy, maxTokens: 12, stop: [stop] }).result()
    expect(cut.stopReason).toBe('stop')
    const next = await chat.send('go on', greedy).result()
    const asTemplate = model.encode([...chat.messages.slice(0, 3)])
    expect(next.promptTokens).toBe(asTemplate.length)
  })
})

describe('a saved session', () => {
  const bytesOf = async (chat: Chat): Promise<Uint8Array[]> => {
    const saved: Uint8Array[] = []
    for await (const bytes of chat.save()) saved.push(bytes.slice())
    return saved
  }
  async function* stream(parts: readonly Uint8Array[], size = Infinity): AsyncGenerator<Uint8Array> {
    const all = Buffer.concat(parts)
    for (let at = 0; at < all.length; at += size)
      yield Uint8Array.from(all.subarray(at, Math.min(all.length, at + size)))
  }
  let saved: Uint8Array[]
  let origin: Chat
  beforeAll(async () => {
    const { model } = await tiny()
    origin = session(model, { system: 'be brief' })
    await origin.send('hello', greedy).result()
    await origin.send('more', { ...greedy, stop: ['e'] }).result()
    await model.generate('something else', greedy).result()
    saved = await bytesOf(origin)
  })

  it.each([Infinity, 1000, 7])(
    'goes on in another process, read by nobody again, in pieces of %s bytes',
    async (size) => {
      const { model, rows } = await tiny()
      const chat = await restoreSession(model, stream(saved, size))
      expect(rows()).toBe(0)
      expect([chat.system, chat.messages, [...chat.ids]]).toEqual([origin.system, origin.messages, [...origin.ids]])
      const next = await chat.send('go on', greedy).result()
      expect(next.cachedTokens).toBeGreaterThanOrEqual(origin.ids.length - 1)
      expect((await origin.fork().send('go on', greedy).result()).ids).toEqual(next.ids)
      expect((await chat.regenerate({ ...greedy, at: 1 }).result()).text).toBe(origin.messages[1].content)
    },
  )

  it('has its turns where nothing was answered yet, and those that came from elsewhere', async () => {
    const { model } = await tiny()
    const messages = [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: ' two ' },
    ]
    for (const chat of [session(model), session(model, { messages })]) {
      const again = await restoreSession(model, stream(await bytesOf(chat)))
      expect(again.messages).toEqual(chat.messages)
    }
    const mixed = session(model, { messages })
    await mixed.send('three', greedy).result()
    const next = await (await restoreSession(model, stream(await bytesOf(mixed)))).send('four', greedy).result()
    expect(next.promptTokens).toBe((await mixed.send('four', greedy).result()).promptTokens)
  })

  it('is refused where it is damaged, cut or none', async () => {
    const { model } = await tiny()
    const all = Buffer.concat(saved)
    const refused = async (bytes: Uint8Array, code: string | RegExp): Promise<void> =>
      expect(restoreSession(model, stream([bytes]))).rejects.toMatchObject({ code: expect.stringMatching(code) })
    await refused(Buffer.from('hello'), 'session/corrupt')
    await refused(Buffer.from('hello, this is no session at all'), 'session/corrupt')
    await refused(all.subarray(0, 30), 'session/corrupt')
    for (const place of [9, 13, 40]) {
      const flipped = Buffer.from(all)
      flipped[place] ^= 4
      await refused(flipped, 'session/corrupt')
    }
    await refused(all.subarray(0, all.length - 5), /^kv-cache\//)
    // It stays usable.
    expect((await (await restoreSession(model, stream(saved))).send('go on', greedy).result()).ids).toHaveLength(6)
  })

  it('has its images without pixels, as long as the model holds the text', async () => {
    const { model } = await tiny({ eyes: true })
    const chat = session(model)
    const image = await model.picture(tinyView(0))
    await chat
      .send(
        [
          { type: 'image', image },
          { type: 'text', text: 'what' },
        ],
        greedy,
      )
      .result()
    const parts = await bytesOf(chat)
    const { model: other } = await tiny({ eyes: true })
    const again = await restoreSession(other, stream(parts))
    const next = await again.send('and?', greedy).result()
    expect(next.cachedTokens).toBe(chat.ids.length)
    expect((await chat.send('and?', greedy).result()).ids).toEqual(next.ids)
  })
})
