import { describe, expect, it } from 'vitest'
import { ranking } from '../sampling/top-k.js'
import { tinyModel } from '../testing/tiny-random.js'
import type { Gemma3, TextSequence } from './gemma3.js'

const VOCAB = 512
const coded = (code: string) => expect.objectContaining({ code })
const open = (model: Gemma3, count: number): TextSequence[] => Array.from({ length: count }, () => model.sequence())

describe('what is refused, before anything changes', () => {
  const model = tinyModel({ sequences: 3, context: 6 })

  it('a batch of none, of one twice, of another model, of one that was disposed', async () => {
    const own = await model
    const [a, b] = open(own, 2)
    const foreign = (await tinyModel()).sequence()
    expect(() => own.batch([])).toThrow(coded('model/batch'))
    expect(() => own.batch([a, b, a])).toThrow(coded('model/batch'))
    expect(() => own.batch([a, foreign])).toThrow(coded('model/batch'))
    b[Symbol.dispose]()
    expect(() => own.batch([a, b])).toThrow(coded('model/disposed'))
    a[Symbol.dispose]()
  })

  it('ids that are too few, too many or none, and a text that is full', async () => {
    const own = await model
    const [a, b] = open(own, 2)
    const batch = own.batch([a, b])
    for (const ids of [[], [1], [1, 2, 3]]) expect(() => batch.step(ids)).toThrow(coded('model/batch'))
    for (const id of [-1, VOCAB, 1.5, NaN]) expect(() => batch.step([1, id])).toThrow(coded('model/bad-id'))
    await b.append([1, 2, 3, 4, 5, 6])
    expect(() => batch.step([1, 2])).toThrow(coded('model/context-full'))
    expect([a.length, b.length]).toEqual([0, 6])
    await expect(batch.pick()).rejects.toThrow(coded('model/no-logits'))
    a.step(3)
    await expect(batch.pick(new Int32Array(1))).rejects.toThrow(coded('model/bad-option'))
    await expect(batch.logits(new Float32Array(2 * VOCAB - 1))).rejects.toThrow(coded('model/bad-option'))
    await expect(batch.top([ranking(3)])).rejects.toThrow(coded('model/bad-option'))
    await expect(batch.top([ranking(3), ranking(65)])).rejects.toThrow(coded('model/bad-option'))
    const into = new Float32Array(2 * VOCAB + 1).fill(7)
    expect(await batch.logits(into)).toBe(into)
    expect(into[2 * VOCAB]).toBe(7)
    for (const sequence of [a, b]) sequence[Symbol.dispose]()
  })

  it('a step while an answer of any of them is under way, whose place stays taken until it is there', async () => {
    const own = await model
    const [a, b, c] = open(own, 3)
    const batch = own.batch([a, b])
    batch.step([5, 6])
    const want = await batch.pick()
    const reading = batch.logits()
    expect(() => batch.step([1, 2])).toThrow(coded('model/busy'))
    await reading
    const picking = batch.pick()
    expect(() => batch.step([1, 2])).toThrow(coded('model/busy'))
    expect(() => a.step(1)).toThrow(coded('model/busy'))
    const refused = expect(b.pick()).rejects.toThrow(coded('model/busy'))
    c.step(9)
    a[Symbol.dispose]()
    expect(() => own.sequence()).toThrow(coded('model/busy'))
    await refused
    expect(await picking).toEqual(want)
    own.sequence()[Symbol.dispose]()
    await expect(batch.pick()).rejects.toThrow(coded('model/disposed'))
    for (const sequence of [b, c]) sequence[Symbol.dispose]()
  })

  it('one more sequence than there is room for, and any once the model is disposed', async () => {
    const own = await tinyModel({ sequences: 2 })
    const [a, b] = open(own, 2)
    expect(own.sequences).toBe(2)
    expect(() => own.sequence()).toThrow(coded('model/busy'))
    const batch = own.batch([a, b])
    await own[Symbol.asyncDispose]()
    expect(() => batch.step([1, 1])).toThrow(coded('model/disposed'))
    expect(() => own.batch([a])).toThrow(coded('model/disposed'))
  })

  it.each([0, -1, 1.5, NaN, 1025])('room for %s sequences', async (sequences) => {
    await expect(tinyModel({ sequences })).rejects.toThrow(coded('model/bad-option'))
  })
})
