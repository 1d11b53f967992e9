import { describe, expect, it } from 'vitest'
import { fixtureJson, tinyModel } from '../testing/tiny-model.js'
import { choice } from './choice.js'
import { generate } from './generate.js'
import { share, tally } from './intervals.js'
import { kl } from './kl.js'
import { perplexity } from './perplexity.js'
import type { Subject } from './subject.js'
import { choiceItems, generateItems, RECIPES } from './tasks.js'

/** Made by `tooling/distill/make_evaluate_goldens.py` with transformers, on the files that the tests load. */
interface Goldens {
  readonly tasks: {
    readonly perplexity: { readonly ids: readonly number[][]; readonly window: number; readonly stride: number }
    readonly choice: readonly { readonly ids: readonly number[]; readonly first: number }[]
    readonly kl: readonly number[][]
  }
  readonly nll: number
  readonly tokens: number
  readonly logLikelihoods: readonly number[]
  readonly kl: number
}
const goldens = fixtureJson<Goldens>('evaluate/goldens.json')

/** The model, for which a text is a list of ids. */
const spelled = <T extends Subject>(model: T): Subject => ({
  ...model,
  encode: (prompt) =>
    typeof prompt === 'string' ? Int32Array.from(prompt.trim().split(' ').map(Number)) : model.encode(prompt),
})
const textOf = (ids: readonly number[]): string => ids.join(' ')

describe('against Hugging Face', () => {
  it('strided perplexity', async () => {
    await using model = await tinyModel()
    const { ids, window, stride } = goldens.tasks.perplexity
    const found = await perplexity(spelled(model), ids.map(textOf), { window, stride })
    expect(found.tokens).toBe(goldens.tokens)
    expect(found.meanNll).toBeCloseTo(goldens.nll, 5)
    expect(found.perplexity.value).toBeCloseTo(Math.exp(goldens.nll), 1)
    expect(found.perplexity.low).toBeLessThan(found.perplexity.value)
  })

  it('KL to the same model in Q4_0, whatever the windows that hold a text', async () => {
    await using base = await tinyModel()
    await using model = await tinyModel('tiny-text-q4_0.gguf')
    const found = await kl(spelled(model), spelled(base), goldens.tasks.kl.map(textOf), { window: 128 })
    expect(found.positions).toBe(goldens.tasks.kl.flat().length)
    expect(found.kl.value / goldens.kl).toBeCloseTo(1, 3)
    expect((await kl(spelled(base), spelled(base), [textOf(goldens.tasks.kl[1])])).largest).toBe(0)
  })

  it('log-likelihoods of choices', async () => {
    await using model = await tinyModel()
    for (const [at, { ids, first }] of goldens.tasks.choice.entries()) {
      const item = { prompt: textOf(ids.slice(0, first)), choices: [` ${textOf(ids.slice(first))}`], answer: 0 }
      const { items } = await choice(spelled(model), [item])
      expect(items[0].logLikelihoods[0]).toBeCloseTo(goldens.logLikelihoods[at], 3)
    }
  })
})

describe('choice', () => {
  it('gives spaces at the end of a prompt to its choices, as lm-eval does', async () => {
    await using model = await tinyModel()
    const likelihoods = async (prompt: string, text: string) =>
      (await choice(model, [{ prompt, choices: [text], answer: 0 }])).items[0].logLikelihoods[0]
    expect(await likelihoods('the words ', 'are')).toBe(await likelihoods('the words', ' are'))
  })

  it('takes the likeliest, and the likeliest for its length', async () => {
    const scores = new Map([
      [1, -1],
      [2, -3],
    ])
    const fake: Subject = {
      ...(await tinyModel()),
      encode: (prompt) =>
        Int32Array.from(
          String(prompt)
            .split('')
            .map((letter) => (letter === 'b' ? 2 : letter === 'a' ? 1 : 0)),
        ),
      async scores(ids, visit, { from = 0 } = {}) {
        for (let at = from; at < ids.length; at++) visit(at, Float32Array.of(0, scores.get(1) ?? 0, scores.get(2) ?? 0))
      },
    }
    const { items, accuracy, normalisedAccuracy } = await choice(fake, [
      { prompt: 'x', choices: ['aaaa', 'b'], answer: 0 },
    ])
    expect(items[0].choice).toBe(1)
    expect(items[0].normalised).toBe(0)
    expect([accuracy.value, normalisedAccuracy.value]).toEqual([0, 1])
  })

  it('refuses an answer that is no choice, and a choice of no tokens', async () => {
    await using model = await tinyModel()
    const bad = (choices: readonly string[], answer: number) => choice(model, [{ prompt: 'the', choices, answer }])
    await expect(bad([' a'], 1)).rejects.toMatchObject({ code: 'evaluate/bad-item' })
    await expect(bad([''], 0)).rejects.toMatchObject({ code: 'evaluate/bad-item' })
    await expect(choice(model, [])).rejects.toMatchObject({ code: 'evaluate/nothing' })
  })
})

describe('generate', () => {
  /** Writes what its prompt says. */
  const parrot = async (): Promise<Subject> => {
    const model = await tinyModel()
    return {
      ...model,
      generate: (prompt) => ({
        ...model.generate('a', { maxTokens: 1 }),
        result: async () => ({ ...(await model.generate('a', { maxTokens: 1 }).result()), text: String(prompt) }),
      }),
    }
  }
  it.each([
    ['exact', ' yes\n', 'yes', true],
    ['exact', 'yes.', 'yes', false],
    ['math', 'so 3 + 4 = 1,007.0 in all', 'It is #### 1007', true],
    ['math', 'none', '7', false],
    ['math', '7', 'none', false],
    ['json', '```json\n{"b": 1, "a": [2]}\n```', '{"a":[2],"b":1}', true],
    ['json', '[1, 2]', '[2, 1]', false],
    ['json', '{"a": }', undefined, false],
    ['json', '{}', undefined, true],
  ] as const)('%s: %j for %j is %j', async (metric, text, answer, right) => {
    const { items, accuracy } = await generate(await parrot(), [{ prompt: text, answer }], { metric })
    expect(items[0].right).toBe(right)
    expect(accuracy.value).toBe(Number(right))
  })
})

describe('intervals', () => {
  it('of a mean', () => {
    const values = tally()
    for (const value of [1, 2, 3, 4]) values.add(value)
    const { value, low, high } = values.interval()
    expect(value).toBe(2.5)
    expect(high - 2.5).toBeCloseTo(1.96 * Math.sqrt(5 / 3 / 4), 3)
    expect(2.5 - low).toBeCloseTo(high - 2.5, 12)
  })

  it('of a share: Wilson', () => {
    // R: binom::binom.confint(8, 10, methods = "wilson")
    expect(share(8, 10)).toMatchObject({
      value: 0.8,
      low: expect.closeTo(0.4901625, 6),
      high: expect.closeTo(0.9433178, 6),
    })
    expect(share(10, 10).high).toBeCloseTo(1, 12)
    expect(share(0, 5).low).toBeCloseTo(0, 12)
  })
})

describe('tasks', () => {
  it('names the line of what is wrong', () => {
    expect(() => choiceItems('{"prompt": "a", "choices": ["b"], "answer": 0}\n\n{"prompt": 3}', 'x.jsonl')).toThrow(
      /line 3 of x.jsonl: prompt/,
    )
    expect(() => generateItems('{', 'x.jsonl')).toThrow(/line 1 of x.jsonl is not JSON/)
    expect(() => generateItems('{"messages": [{"role": "user", "content": " "}]}', 'x.jsonl')).toThrow(
      /message 1 is empty/,
    )
    expect(() => generateItems('\n', 'x.jsonl')).toThrow(/no lines/)
  })

  it('makes items of the lines of benchmarks', () => {
    const line = (row: Record<string, unknown>) => ({ row, where: 'line 1' })
    expect(
      RECIPES.arc.item(line({ question: 'Q', choices: { text: ['x', 'y'], label: ['A', 'B'] }, answerKey: 'B' })),
    ).toEqual({
      prompt: 'Question: Q\nAnswer:',
      choices: [' x', ' y'],
      answer: 1,
    })
    expect(RECIPES.mmlu.item(line({ question: 'Q', choices: ['x', 'y'], answer: 1 })).prompt).toBe(
      'Q\nA. x\nB. y\nAnswer:',
    )
    expect(
      RECIPES.hellaswag.item(
        line({ activity_label: 'L', ctx_a: 'a.', ctx_b: 'the', endings: ['[step] x'], label: '0' }),
      ),
    ).toEqual({
      prompt: 'L: a. The',
      // Two spaces, as in lm-eval.
      choices: ['  x'],
      answer: 0,
    })
  })
})
