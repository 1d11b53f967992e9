import { reference, type Backend } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { ranking, topK, type Ranking } from '../sampling/top-k.js'
import { goldens, tinyModel } from '../testing/tiny-random.js'
import type { Gemma3, TextSequence } from './gemma3.js'

const VOCAB = 512
const CONTEXT = 100
/** Steps of 8 rows and a window of 16: the local ring wraps every 24 positions. */
const MAX_ROWS = 8
const LONG = goldens().prompts.text_long.ids
/** Texts of 84 tokens that differ from the first on. */
const TEXTS = [LONG, LONG.toReversed(), LONG.map((id) => (id * 7 + 3) % VOCAB)]

const coded = (code: string) => expect.objectContaining({ code })
const open = (model: Gemma3, count: number): TextSequence[] => Array.from({ length: count }, () => model.sequence())
const row = (all: Float32Array, at: number): Float32Array => all.slice(at * VOCAB, (at + 1) * VOCAB)
const largest = (logits: Float32Array): number => logits.indexOf(Math.max(...logits))
const best = (logits: Float32Array, count: number): Ranking => {
  const into = ranking(count)
  topK(logits, count, into)
  return into
}

/** What a random program does with three sequences. */
type Command =
  | { readonly kind: 'append'; readonly who: number; readonly count: number }
  | { readonly kind: 'step' | 'read'; readonly of: readonly number[] }
  | { readonly kind: 'rewind'; readonly who: number; readonly back: number }

const who = fc.nat(2)
const of = fc.uniqueArray(who, { minLength: 1, maxLength: 3 })
const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('step' as const), of }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), of }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('append' as const), who, count: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rewind' as const), who, back: fc.nat(8) }) },
)

/** A backend that counts the runs of each program and keeps what they were given. */
function counting(inner: Backend) {
  const runs: { label: string; step: unknown; ids: unknown; positions: unknown }[] = []
  const backend: Backend = {
    ...inner,
    run(program, step) {
      runs.push({ label: program.label, step, ids: step.ids, positions: step.positions })
      inner.run(program, step)
    },
  }
  return { backend, runs }
}

describe.each<[string, () => Backend | Promise<Backend>]>([
  ['the reference ops', reference],
  ['the CPU kernels', () => cpu({ threads: 2 })],
])('on %s', async (_, make) => {
  const backend = await make()
  afterAll(() => backend.dispose())
  const load = (sequences: number, maxRows = MAX_ROWS): Promise<Gemma3> =>
    tinyModel({ backend, file: 'tiny-text-q8_0.gguf', context: CONTEXT, maxRows, sequences })

  /** Of each text the logits after each token, computed alone in a model of one sequence. */
  const alone = await (async () => {
    const sequence = (await load(1)).sequence()
    const all: Float32Array[] = []
    for (const ids of TEXTS) {
      const scores = new Float32Array(ids.length * VOCAB)
      sequence.reset()
      await sequence.scores(ids, (position, logits) => scores.set(logits, position * VOCAB))
      all.push(scores)
    }
    return all
  })()

  it('a batch gives each sequence the bits that it gets alone, at any length', async () => {
    const model = await load(3)
    const sequences = open(model, 3)
    const starts = [1, 30, 60]
    for (const [i, sequence] of sequences.entries()) await sequence.append(TEXTS[i].slice(0, starts[i]))
    const batch = model.batch(sequences)
    const rankings = sequences.map(() => ranking(20))
    expect(batch.sequences).toEqual(sequences)
    for (let step = 0; step < 24; step++) {
      const ends = starts.map((start) => start + step)
      const want = ends.map((end, i) => row(alone[i], end - 1))
      expect([...(await batch.pick())]).toEqual(want.map(largest))
      const logits = await batch.logits()
      for (const [i, expected] of want.entries()) expect(row(logits, i)).toEqual(expected)
      await batch.top(rankings)
      for (const [i, expected] of want.entries()) expect(rankings[i]).toEqual(best(expected, 20))
      batch.step(ends.map((end, i) => TEXTS[i][end]))
    }
    expect(sequences.map(({ length }) => length)).toEqual([25, 54, 84])
    for (const [i, sequence] of sequences.entries()) {
      expect(await sequence.logits()).toEqual(row(alone[i], sequence.length - 1))
    }
  })

  it('a pass of several tokens of each gives the bits of tokens that are read one by one', async () => {
    const model = await load(3)
    const batch = model.batch(open(model, 3))
    const counts = [3, 1, 4]
    for (let at = 0; at < 60; at += 3) {
      const from = batch.sequences.map(({ length }) => length)
      batch.step(
        TEXTS.flatMap((ids, i) => ids.slice(from[i], from[i] + counts[i])),
        counts,
      )
      await batch.finish()
      const logits = await batch.logits()
      for (const [i, { length }] of batch.sequences.entries()) expect(row(logits, i)).toEqual(row(alone[i], length - 1))
    }
    expect(batch.sequences.map(({ length }) => length)).toEqual([60, 20, 80])
    expect(() => batch.step(Array(9).fill(1), [3, 3, 3])).toThrow(coded('model/batch'))
    expect(() => batch.step([1, 2, 3], [1, 1, 2])).toThrow(coded('model/batch'))
    for (const counts of [
      [1, 0, 1],
      [3, -1, 1],
      [1.5, 0.5, 1],
      [1, 1],
    ])
      expect(() => batch.step([1, 2, 3], counts)).toThrow(coded('model/batch'))
    expect(batch.sequences.map(({ length }) => length)).toEqual([60, 20, 80])
  })

  it('one leaves and another joins, in its place', async () => {
    const model = await load(3)
    const [a, b, c] = open(model, 3)
    const first = model.batch([a, b, c])
    for (let at = 0; at < 30; at++) first.step(TEXTS.map((ids) => ids[at]))
    b[Symbol.dispose]()
    const d = model.sequence()
    await d.append(TEXTS[1].slice(0, 11))
    const second = model.batch([d, c])
    for (let at = 0; at < 20; at++) second.step([TEXTS[1][11 + at], TEXTS[2][30 + at]])
    a.step(TEXTS[0][30])
    const third = await model.batch([a, d, c]).logits()
    expect(row(third, 0)).toEqual(row(alone[0], 30))
    expect(row(third, 1)).toEqual(row(alone[1], 30))
    expect(row(third, 2)).toEqual(row(alone[2], 49))
    expect(() => first.step([1, 1, 1])).toThrow(coded('model/disposed'))
  })

  it('sequences that are used at the same time do not disturb each other', async () => {
    const model = await load(4)
    const [a, b, c, d] = open(model, 4)
    const decode = async (sequence: TextSequence, text: number): Promise<void> => {
      for (const [at, id] of TEXTS[text].entries()) {
        sequence.step(id)
        // Some read at once, some only after others have had a turn.
        if (at % 3 === 0) await Promise.resolve()
        if (at % 2 === 0) expect(await sequence.pick()).toBe(largest(row(alone[text], at)))
        else expect(await sequence.logits()).toEqual(row(alone[text], at))
      }
    }
    const scored = async (): Promise<void> => {
      let seen = 0
      await c.scores(TEXTS[2], (position, logits) => {
        seen++
        expect(logits).toEqual(row(alone[2], position))
      })
      expect(seen).toBe(84)
    }
    const appended = async (): Promise<void> => {
      await d.append(TEXTS[1])
      expect(await d.logits()).toEqual(row(alone[1], 83))
    }
    await Promise.all([decode(a, 0), decode(b, 1), scored(), appended()])
  })

  it('scores of a step that the head takes in parts keep their rows while another sequence is read', async () => {
    const [a, b] = open(await load(2, 3 * MAX_ROWS), 2)
    // Alone first: in a ring of another size sums have another order.
    const want: Float32Array[] = []
    await a.scores(TEXTS[0], (_, logits) => want.push(logits.slice()))
    a.reset()
    const scoring = a.scores(TEXTS[0], (position, logits) => expect(logits).toEqual(want[position]))
    await Promise.all([scoring, b.append(TEXTS[1])])
    expect([a.length, b.length]).toEqual([84, 84])
  })

  it('an aborted prompt leaves the others alone and goes on in a batch', async () => {
    const model = await load(2)
    const [a, b] = open(model, 2)
    const abort = new AbortController()
    const reason = new Error('enough')
    const appending = a.append(TEXTS[0], {
      signal: abort.signal,
      onProgress: (done) => done === 40 && abort.abort(reason),
    })
    expect(() => model.batch([b, a]).step([1, 2])).toThrow(coded('model/busy'))
    expect(b.length).toBe(0)
    for (const id of TEXTS[1].slice(0, 20)) b.step(id)
    await expect(appending).rejects.toBe(reason)
    const batch = model.batch([a, b])
    batch.step([TEXTS[0][40], TEXTS[1][20]])
    const logits = await batch.logits()
    expect(row(logits, 0)).toEqual(row(alone[0], 40))
    expect(row(logits, 1)).toEqual(row(alone[1], 20))
  })

  it('more sequences than the head has rows', async () => {
    const model = await load(11)
    const sequences = open(model, 11)
    for (const [i, sequence] of sequences.entries()) await sequence.append(TEXTS[i % 3].slice(0, 2 * i + 1))
    const batch = model.batch(sequences)
    batch.step(sequences.map(({ length }, i) => TEXTS[i % 3][length]))
    const [picks, logits] = [await batch.pick(), await batch.logits()]
    for (const [i, { length }] of sequences.entries()) {
      const want = row(alone[i % 3], length - 1)
      expect(row(logits, i)).toEqual(want)
      expect(picks[i]).toBe(largest(want))
    }
  })

  it('any program of steps, batches and rewinds gives the logits of a fresh computation', async () => {
    const model = await load(3)
    const sequences = open(model, 3)
    const batch = (of: readonly number[]) => model.batch(of.map((i) => sequences[i]))
    const next = (i: number): number => TEXTS[i][sequences[i].length]
    const hasLogits = (i: number): boolean => sequences[i].length > 0
    const play = async (command: Command): Promise<void> => {
      switch (command.kind) {
        case 'append': {
          const { length } = sequences[command.who]
          return sequences[command.who].append(TEXTS[command.who].slice(length, length + command.count))
        }
        case 'step': {
          const of = command.of.filter((i) => sequences[i].length < LONG.length)
          if (of.length > 0) batch(of).step(of.map(next))
          return
        }
        case 'read': {
          const of = command.of.filter(hasLogits)
          if (of.length === 0) return
          const logits = await batch(of).logits()
          for (const [at, i] of of.entries()) expect(row(logits, at)).toEqual(last(i))
          return
        }
        case 'rewind': {
          const sequence = sequences[command.who]
          const to = Math.max(0, sequence.length - command.back)
          try {
            sequence.rewind(to)
          } catch (error) {
            expect(error).toEqual(coded('kv-cache/rewound-past-window'))
            return
          }
          // A rewind leaves no logits.
          if (to > 0 && to < LONG.length) sequence.step(next(command.who))
          return
        }
        default:
          command satisfies never
      }
    }
    const last = (i: number): Float32Array => row(alone[i], sequences[i].length - 1)
    await fc.assert(
      fc.asyncProperty(fc.array(commands, { maxLength: 30 }), async (list) => {
        for (const sequence of sequences) sequence.reset()
        for (const command of list) await play(command)
        for (const i of [0, 1, 2].filter(hasLogits)) expect(await sequences[i].logits()).toEqual(last(i))
      }),
      { numRuns: 40, seed: 7 },
    )
  })
})

describe('a pass', () => {
  it('is one for all sequences of a batch, and so is the head', async () => {
    const { backend, runs } = counting(reference())
    const model = await tinyModel({ backend, sequences: 10 })
    const batch = model.batch(open(model, 10))
    const ids = Int32Array.from({ length: 10 }, (_, i) => i)
    const into = new Int32Array(10)
    for (let step = 0; step < 3; step++) {
      batch.step(ids)
      expect(await batch.pick(into)).toBe(into)
    }
    expect(runs.map(({ label }) => label)).toEqual(Array(3).fill(['body', 'picked', 'picked']).flat())
    for (const key of ['step', 'ids', 'positions'] as const) {
      const [first, ...others] = runs.filter(({ label }) => label === 'body').map((run) => run[key])
      for (const other of others) expect(other).toBe(first)
    }
  })

  it('is made again only where another sequence has used the hidden states since', async () => {
    const { backend, runs } = counting(reference())
    const model = await tinyModel({ backend, sequences: 2 })
    const [a, b] = open(model, 2)
    a.step(5)
    await a.pick()
    await a.logits()
    expect(runs.map(({ label }) => label)).toEqual(['body', 'picked', 'logits'])
    b.step(6)
    runs.length = 0
    await a.pick()
    expect(runs.map(({ label }) => label)).toEqual(['body', 'picked'])
    expect([a.length, b.length]).toEqual([1, 1])
  })
})
