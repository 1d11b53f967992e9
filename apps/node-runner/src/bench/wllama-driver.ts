import { join } from 'node:path'
import { openPage } from './chromium.js'
import { peerFolder } from './peers.js'
import { checkCount, roundOf, type Driver, type Job } from './protocol.js'

const loadScript = ({ prompt, generate, threads }: Job): string => `(async () => {
  const { Wllama } = await import(location.origin + '/index.js')
  const model = new File([await (await fetch('/model.gguf')).blob()], 'model.gguf')
  globalThis.wllama = new Wllama({ default: '/wasm/wllama.wasm' }, { suppressNativeLog: true })
  await wllama.loadModel([model], {
    n_ctx: ${Math.ceil((prompt.length + generate + 1) / 256) * 256}, n_batch: 512, n_threads: ${threads},
    n_gpu_layers: 0, warmup: false,
  })
})()`

/** Gives the marks of {@link roundOf} and how many tokens came. */
const roundScript = ({ promptText, generate }: Job): string => `(async () => {
  const start = performance.now()
  const marks = []
  const chunks = await wllama.createCompletion({
    prompt: ${JSON.stringify(promptText)}, max_tokens: ${generate + 1}, temperature: 0,
    cache_prompt: false, stream: true, ignore_eos: true,
  })
  for await (const { choices } of chunks) if (choices?.[0] && !choices[0].finish_reason) marks.push(performance.now())
  return [start, marks[0], marks.at(-1), marks.length]
})()`

/** llama.cpp as WASM. Reading the model's bytes counts as loading. */
export async function openWllama(job: Job): Promise<Driver> {
  const page = await openPage(job, join(peerFolder('@wllama/wllama', job), 'esm'))
  await page.evaluate(loadScript(job))
  return {
    async round() {
      const [start, first, end, count] = await page.evaluate<[number, number, number, number]>(roundScript(job))
      checkCount(job, count)
      return roundOf(job, start, first, end)
    },
    peakRssBytes: page.peakRssBytes,
    dispose: page.close,
  }
}
