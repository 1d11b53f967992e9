import type { Backend } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { loadModel, openModel } from '@g3/runtime'
import { bytesSource } from '@g3/runtime/gguf'
import { describe, expect, it } from 'vitest'
import { exampleOf, type NamedExample } from '../data/examples.js'
import { perplexity } from '../evaluate/perplexity.js'
import { student } from '../student/student.js'
import { tinyFile } from '../testing/tiny-model.js'
import { adapterFile } from './adapter.js'
import { adam, newMoments, rateAt } from './adam.js'
import { parsePlan, type TrainOptions } from './plan.js'
import { train, type StepReport, type TrainHost } from './train.js'

const FILE = 'tiny-text-q8_0.gguf'
const ROWS = 64
const TEXTS = ['the words of a text', 'other words', 'a text of words that are the same', 'the end']
const exact = (threads = 2): Promise<Backend> => cpu({ threads, precision: 'exact' })

async function examplesFor(texts: readonly string[]): Promise<readonly NamedExample[]> {
  const { tokenizer } = await openModel(tinyFile(FILE))
  return texts.map((text, n) => exampleOf(tokenizer, { row: { text }, where: `line ${n + 1}` }))
}

/** A student of the tiny model, taught once. */
async function taughtOn(
  backend: Backend,
  options: TrainOptions,
  host: Partial<TrainHost> = {},
  validation: readonly NamedExample[] = [],
) {
  const plan = parsePlan({ rank: 3, steps: 6, batch: 3, rate: 0.01, ...options })
  const opened = await openModel(tinyFile(FILE))
  const taught = await student(backend, opened.tensor, opened.config, { ...plan, rows: ROWS, mostTargets: 4 })
  const reports: StepReport[] = []
  const running = train(taught, await examplesFor(TEXTS), validation, plan, {
    mark: 'tiny',
    rows: ROWS,
    ...host,
    onStep: (report) => {
      reports.push(report)
      return host.onStep?.(report)
    },
  })
  return { taught, reports, plan, running }
}

const valuesOf = ({ parameters }: Awaited<ReturnType<typeof student>>) =>
  parameters.all.map(({ values }) => [...values])

describe('a run', () => {
  it('learns its texts, and its adapter gives a model the same loss', async () => {
    await using backend = await exact()
    const { taught, reports, plan, running } = await taughtOn(backend, { steps: 30 })
    await running
    expect(reports.at(-1)?.loss).toBeLessThan(0.6 * reports[0].loss)

    await using model = await loadModel({ source: tinyFile(FILE), backend, context: 128 })
    const file = adapterFile(taught, 'words', plan.alpha)
    const adapter = await model.adapters.load(bytesSource(file, 'words.gguf'))
    await model.adapters.use([{ adapter }])
    const examples = await examplesFor(TEXTS)
    const { loss } = await taught.judge(examples, 0)
    const { meanNll, tokens } = await perplexity(model, TEXTS)
    expect(tokens).toBe(examples.flatMap(({ wanted }) => wanted).length)
    expect(meanNll).toBeCloseTo(loss / tokens, 3)
  })

  it('has the same bits after a stop, and on other threads', async () => {
    const [validation] = [await examplesFor(['words that are other'])]
    const options = { judgeEvery: 2, leash: 0.1 }
    await using backend = await exact()
    const whole = await taughtOn(backend, options, {}, validation)
    await whole.running

    let checkpoint: Uint8Array | undefined
    const stop = new AbortController()
    const host: Partial<TrainHost> = {
      saveEvery: 2,
      signal: stop.signal,
      save: async (bytes) => void (checkpoint = bytes.slice()),
      onStep: ({ step }) => {
        // As a killed process: what came after the last checkpoint is lost.
        if (step === 3) throw new Error('killed')
      },
    }
    const cut = await taughtOn(backend, options, host, validation)
    await expect(cut.running).rejects.toThrow('killed')
    await using other = await exact(1)
    const resumed = await taughtOn(other, options, { checkpoint }, validation)
    await resumed.running
    expect(resumed.reports.map(({ step }) => step)).toEqual([3, 4, 5, 6])
    expect(valuesOf(resumed.taught)).toEqual(valuesOf(whole.taught))
    expect(resumed.reports.at(-1)?.loss).toBe(whole.reports.at(-1)?.loss)

    const elsewhere = await taughtOn(backend, { ...options, rate: 0.02 }, { checkpoint }, validation)
    await expect(elsewhere.running).rejects.toMatchObject({ code: 'distill/other-run' })
    const broken = await taughtOn(backend, options, { checkpoint: new Uint8Array(100) }, validation)
    await expect(broken.running).rejects.toMatchObject({ code: expect.stringContaining('safetensors/') })
  })

  it('aborted, leaves a checkpoint of what is done', async () => {
    await using backend = await exact()
    const stop = new AbortController()
    let saved = 0
    const host: Partial<TrainHost> = {
      signal: stop.signal,
      save: async () => void saved++,
      onStep: ({ step }) => void (step === 2 && stop.abort(new Error('enough'))),
    }
    const { running, reports } = await taughtOn(backend, {}, host)
    await expect(running).rejects.toThrow('enough')
    expect([reports.length, saved]).toEqual([2, 1])
  })

  it('stops early and keeps the best', async () => {
    await using backend = await exact()
    const validation = await examplesFor(['zq xj'])
    const { running, reports, taught } = await taughtOn(
      backend,
      { steps: 40, rate: 0.3, judgeEvery: 1, patience: 2 },
      {},
      validation,
    )
    const { stoppedEarly, validation: best } = await running
    expect(stoppedEarly).toBe(true)
    const judged = reports.map(({ validation: loss }) => loss ?? NaN)
    expect(best).toBe(Math.min(...judged))
    const { loss } = await taught.judge(validation, 0)
    expect(loss / validation[0].wanted.length).toBeCloseTo(best ?? NaN, 4)
  })

  it('says what it cannot do', async () => {
    await using backend = await exact()
    const long = await taughtOn(backend, {}, { rows: 8 })
    await expect(long.running).rejects.toMatchObject({ code: 'distill/too-long' })
    for (const option of [
      { rank: 0 },
      { rate: NaN },
      { targets: ['attn_x'] },
      { targets: [] },
      { warmup: 7 },
      { patience: 0 },
    ]) {
      await expect(taughtOn(backend, option)).rejects.toMatchObject({ code: 'distill/bad-option' })
    }
  })
})

describe('AdamW', () => {
  it('moves as torch.optim.AdamW does', () => {
    // torch: w = [1, -2], lr 0.1, weight_decay 0.01, gradients [0.5, -1], then [0.1, 3]
    const [values, moments] = [Float32Array.of(1, -2), newMoments(2)]
    adam(values, Float32Array.of(0.5, -1), moments, { step: 1, rate: 0.1, decay: 0.01, factor: 1 })
    adam(values, Float32Array.of(0.1, 3), moments, { step: 2, rate: 0.1, decay: 0.01, factor: 1 })
    expect(values[0]).toBeCloseTo(0.817796946, 6)
    expect(values[1]).toBeCloseTo(-1.945520997, 6)
  })

  it('warms up and ends on a cosine', () => {
    const plan = { rate: 1, warmup: 4, steps: 104 }
    expect([1, 2, 4, 5, 55].map((step) => rateAt(step, plan))).toEqual([0.25, 0.5, 1, 1, expect.closeTo(0.5, 9)])
    expect(rateAt(104, plan)).toBeLessThan(0.001)
  })
})

describe('lines', () => {
  const line = (row: Record<string, unknown>) => ({ row, where: 'line 7' })
  it('teach what the model is to write, and nothing else', async () => {
    const { tokenizer } = await openModel(tinyFile(FILE))
    const spelled = ({ ids, wanted }: NamedExample): string =>
      tokenizer.decode(Int32Array.from(wanted, ({ position }) => ids[position + 1]))
    expect(spelled(exampleOf(tokenizer, line({ prompt: 'the words', completion: ' are here' })))).toMatch(/^ are here/)
    const { ids, wanted } = exampleOf(tokenizer, line({ prompt: 'the words', completion: ' are here' }))
    expect(wanted.at(-1)?.ids).toEqual([tokenizer.eos])
    expect(wanted[0].position).toBe(tokenizer.encode('the words', { bos: true }).length - 1)
    expect(exampleOf(tokenizer, line({ text: 'the words' })).wanted.length).toBe(tokenizer.encode('the words').length)
    expect(ids[0]).toBe(tokenizer.bos)
  })

  it('say what is wrong with them', async () => {
    const { tokenizer } = await openModel(tinyFile(FILE))
    for (const row of [
      {},
      { prompt: 'a' },
      { prompt: 'a', completion: '' },
      { text: '' },
      { messages: [{ role: 'user', content: 'x' }] },
    ]) {
      expect(() => exampleOf(tokenizer, line(row))).toThrow(/line 7/)
    }
  })
})
