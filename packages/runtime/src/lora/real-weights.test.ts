import { open } from 'node:fs/promises'
import { cpu } from '@g3/kernels-cpu'
import { expect, it } from 'vitest'
import { loadModel } from '../generate/load.js'
import { fileSource } from '../gguf/index.js'
import { cachedModelPath } from '../testing/fixtures.js'
import { loraGoldens, type LoraCase } from '../testing/lora-goldens.js'
import { largestDifference } from '../testing/tiny-random.js'

/** A folder that `tooling/lora/make_goldens.py --size 0.05` made for the 270M; it takes minutes and gigabytes. */
const folder = process.env.G3_LORA
const path = folder === undefined ? undefined : cachedModelPath()
if (folder === undefined)
  console.warn('skipped: adapters of the 270M need G3_LORA, a folder of tooling/lora/make_goldens.py')

/** The mean over rows of Σ p · (ln p − ln q). */
function divergence(want: Float32Array, got: Float32Array, rows: number): number {
  const vocab = want.length / rows
  let total = 0
  for (let row = 0; row < rows; row++) {
    const [p, q] = [want, got].map((all) => logProbabilities(all.subarray(row * vocab, (row + 1) * vocab)))
    for (let id = 0; id < vocab; id++) total += Math.exp(p[id]) * (p[id] - q[id])
  }
  return total / rows
}

function logProbabilities(logits: Float32Array): Float64Array {
  const largest = logits.reduce((most, value) => Math.max(most, value), -Infinity)
  const sum = logits.reduce((all, value) => all + Math.exp(value - largest), 0)
  return Float64Array.from(logits, (value) => value - largest - Math.log(sum))
}

it.skipIf(path === undefined).each([
  ['exact', 1e-3, 1e-6],
  // As far as quantised activations put llama.cpp from the same logits: 0.002 to 0.05 a position.
  ['fast', Infinity, 0.05],
] as const)(
  'adapters of the 270M, %s, against Hugging Face with merged weights',
  async (precision, mostApart, mostDivergent) => {
    const { cases, bytes, logits } = loraGoldens(folder)
    await using backend = await cpu({ threads: 2, precision })
    await using model = await loadModel({
      source: await fileSource(await open(path ?? ''), 'model.gguf'),
      backend,
      context: 64,
    })
    const scored = async ({ ids, rows }: LoraCase): Promise<Float32Array> => {
      const found = new Float32Array(rows * model.config.vocab)
      const first = ids.length - rows
      await model.scores(Int32Array.from(ids), (position, row) => {
        if (position >= first) found.set(row, (position - first) * row.length)
      })
      return found
    }
    for (const each of cases) {
      const uses = []
      for (const { file, scale } of each.adapters) uses.push({ adapter: await model.adapters.load(bytes(file)), scale })
      await model.adapters.use(uses)
      const [want, got] = [logits(each), await scored(each)]
      const apart = largestDifference(got, want)
      const divergent = divergence(want, got, each.rows)
      console.info(`${precision} ${each.logits}: at most ${apart.toPrecision(3)} apart, KL ${divergent.toPrecision(3)}`)
      expect(apart).toBeLessThan(mostApart)
      expect(divergent).toBeLessThan(mostDivergent)
      for (const { adapter } of uses) await adapter[Symbol.asyncDispose]()
    }
  },
  600_000,
)
