import { cpu } from '@g3/kernels-cpu'
import { openModel } from '@g3/runtime'
import { writeSafetensors } from '@g3/runtime/safetensors'
import { describe, expect, it } from 'vitest'
import { random } from '../random.js'
import { student } from '../student/student.js'
import { tinyFile, tinyModel } from '../testing/tiny-model.js'
import { logSumExp } from '../log-sum-exp.js'
import { sampledTargets, topTargets } from './draw-targets.js'
import { readSignal, signalFile } from './signal-file.js'
import { teach } from './signal.js'

const rng = random(3)
const LOGITS = Float32Array.from({ length: 40 }, () => 6 * rng.uniform() - 3)
const softmax = (logits: Float32Array): number[] => Array.from(logits, (logit) => Math.exp(logit - logSumExp(logits)))

describe('sampled targets', () => {
  it('are in the mean the softmax: within four standard errors, every token', () => {
    const [draws, samples] = [2000, 16]
    const stream = random(7)
    const sums = new Float64Array(LOGITS.length)
    for (let n = 0; n < draws; n++) {
      const { ids, weights } = sampledTargets(LOGITS, samples, stream)
      expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6)
      for (const [i, id] of ids.entries()) sums[id] += weights[i] / draws
    }
    for (const [id, p] of softmax(LOGITS).entries()) {
      expect(Math.abs(sums[id] - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / (draws * samples)))
    }
  })

  it('never name what has no probability', () => {
    const { ids, weights } = sampledTargets(Float32Array.of(-Infinity, 0, -Infinity), 9, random(1))
    expect([[...ids], [...weights]]).toEqual([[1], [1]])
  })

  it('give the gradient of the full softmax in the mean, through a model', async () => {
    await using backend = await cpu({ threads: 1, precision: 'exact' })
    const opened = await openModel(tinyFile('tiny-text-q8_0.gguf'))
    const taught = await student(backend, opened.tensor, opened.config, {
      ...{ rank: 4, alpha: 8, targets: ['ffn_down'], seed: 1, rows: 8, mostTargets: 512 },
    })
    const ids = Int32Array.of(2, 100, 90)
    const teacher = Float32Array.from({ length: 512 }, (_, id) => (id % 7) - (id % 5))
    const gradientOf = async (targets: readonly ReturnType<typeof topTargets>[]): Promise<Float32Array> => {
      await taught.parameters.clear()
      for (const each of targets) {
        const weights = Array.from(each.weights, (weight) => weight / targets.length)
        await taught.learn([{ ids, wanted: [{ position: 2, ids: each.ids, weights }] }], 0)
      }
      return (await taught.parameters.gradients())[1]
    }
    const full = await gradientOf([topTargets(teacher, 512)])
    const stream = random(5)
    const far = async (draws: number): Promise<number> => {
      const found = await gradientOf(Array.from({ length: draws }, () => sampledTargets(teacher, 64, stream)))
      return Math.hypot(...found.map((value, i) => value - full[i])) / Math.hypot(...full)
    }
    // The error falls as the square root of the draws.
    const [few, many] = [await far(1), await far(64)]
    expect(many).toBeLessThan(few / 3)
    expect(many).toBeLessThan(0.1)
  })
})

it('top targets are the likeliest, made to add up to 1, and all of them the softmax', () => {
  const { ids, weights } = topTargets(Float32Array.of(0, 2, 1, 2), 2)
  expect([[...ids], [...weights]]).toEqual([
    [1, 3],
    [0.5, 0.5],
  ])
  const all = topTargets(LOGITS, LOGITS.length)
  for (const [n, id] of all.ids.entries()) expect(all.weights[n]).toBeCloseTo(softmax(LOGITS)[id], 6)
})

describe('a signal', () => {
  const line = (row: Record<string, unknown>) => ({ row, where: 'line 1' })

  it('is what the teacher thinks where it has seen a prompt, at the places of a student that has not', async () => {
    await using model = await tinyModel()
    const [example] = await teach(model, [line({ prompt: 'the words', completion: ' are' })], {
      prompt: 'a text. ',
      top: 3,
    })
    const before = model.encode('the words')
    expect([...example.ids]).toEqual([...before, ...model.tokenizer.encode(' are')])
    expect(example.wanted.map(({ position }) => position)).toEqual(
      Array.from({ length: model.tokenizer.encode(' are').length + 1 }, (_, n) => before.length - 1 + n),
    )
    const logits = await model.logits(model.encode('a text. the words'))
    expect([...Array.from(example.wanted[0].ids)]).toEqual([...topTargets(logits, 3).ids])
  })

  it('has the teacher write what a line leaves open', async () => {
    await using model = await tinyModel()
    const [example] = await teach(model, [line({ prompt: 'the words' })], { maxTokens: 4, samples: 8 })
    const { text } = await model.generate('the words', { temperature: 0, maxTokens: 4 }).result()
    expect([...example.ids]).toEqual([...model.encode('the words'), ...model.tokenizer.encode(text)])
  })

  it('comes back from its file as it was', async () => {
    await using model = await tinyModel()
    const examples = await teach(model, [line({ text: 'the words' }), line({ prompt: 'a', completion: 'b' })], {
      samples: 32,
    })
    const file = signalFile(examples, { teacher: 'tiny' })
    const found = await readSignal(file, 'signal', 512)
    expect(found.map(({ ids }) => [...ids])).toEqual(examples.map(({ ids }) => [...ids]))
    const plain = (list: typeof found) =>
      list.flatMap(({ wanted }) =>
        wanted.map(({ position, ids, weights }) => [position, ...Array.from(ids), ...Array.from(weights)]),
      )
    expect(plain(found)).toEqual(plain(examples))
    await expect(readSignal(file, 'signal', 100)).rejects.toMatchObject({ code: 'distill/bad-signal' })
    await expect(readSignal(writeSafetensors([], { format: 'g3-signal-1' }), 'signal', 512)).rejects.toMatchObject({
      code: 'distill/bad-signal',
    })
    await expect(readSignal(writeSafetensors([]), 'signal', 512)).rejects.toMatchObject({ code: 'distill/bad-signal' })
  })
})
