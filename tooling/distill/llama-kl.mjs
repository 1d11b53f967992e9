// How far llama.cpp's predictions are from g3's, without an adapter and with it:
// `node tooling/distill/llama-kl.mjs --model MODEL.gguf --lora ADAPTER.gguf --llama FOLDER`, where FOLDER has node-llama-cpp among its
// node_modules (`npm i node-llama-cpp` there). Prints the mean of KL(g3 || llama.cpp) over the positions of a text for both.
import { open } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { tally } from '../../packages/distill/dist/evaluate.js'
import { cpu } from '../../packages/kernels-cpu/dist/index.js'
import { fileSource } from '../../packages/runtime/dist/gguf.js'
import { loadModel } from '../../packages/runtime/dist/index.js'

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string' },
    lora: { type: 'string' },
    llama: { type: 'string', default: '.' },
    precision: { type: 'string', default: 'exact' },
  },
})
const TEXT =
  'Message: The ferry to the northern islands leaves at seven in the morning.\nTopic: travel\n\nThe museum reopened in spring, and the first visitors went straight to the small room with the maps.'

const file = async (path) => fileSource(await open(path), path)
const require = createRequire(pathToFileURL(resolve(flags.llama, 'package.json')))
const { getLlama } = await import(pathToFileURL(require.resolve('node-llama-cpp')))
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: 2 })
const peer = await llama.loadModel({ modelPath: resolve(flags.model) })

await using backend = await cpu({ threads: 2, precision: flags.precision })
await using own = await loadModel({ source: await file(flags.model), backend, context: 256 })
const ids = own.encode(TEXT)

/** [positions][vocab], of log-probabilities as llama.cpp gives them. */
async function theirs(lora) {
  const context = await peer.createContext({ contextSize: 256, threads: 2, ...(lora && { lora: { adapters: [{ filePath: resolve(lora), scale: 1 }] } }) })
  const sequence = context.getSequence()
  const found = await sequence.controlledEvaluate([...ids].map((id) => [id, { generateNext: { probabilities: true } }]))
  await context.dispose()
  return found.map(({ next }) => next.probabilities)
}

async function divergence(lora) {
  const probabilities = await theirs(lora)
  if (lora) await own.adapters.use([{ adapter: await own.adapters.load(await file(lora)) }])
  const found = tally()
  await own.scores(ids, (position, logits) => {
    const largest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity)
    let total = 0
    for (let id = 0; id < logits.length; id++) total += Math.exp(logits[id] - largest)
    let nats = 0
    for (let id = 0; id < logits.length; id++) {
      const p = Math.exp(logits[id] - largest) / total
      // What is nearly nothing has no digits left in their f32 probabilities.
      const q = probabilities[position].get(id) ?? 0
      if (p > 1e-9) nats += p * Math.log(p / Math.max(q, 1e-12))
    }
    found.add(nats)
  })
  return found
}

for (const lora of [undefined, flags.lora]) {
  const { value, low, high } = (await divergence(lora)).interval()
  console.log(`${lora ? 'with the adapter' : 'without'}: KL ${value.toFixed(5)} nats (${low.toFixed(5)} to ${high.toFixed(5)}), ${ids.length} positions`)
}
process.exit(0)
