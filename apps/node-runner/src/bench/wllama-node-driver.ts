import { openAsBlob } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { check } from '@g3/backend'
import { peakRssBytes } from '../peak-rss.js'
import type { Counts } from '@g3/kernels-webgpu/test'
import { readModelFacts } from './model-facts.js'
import { importFile, peerFolder } from './peers.js'
import { checkCount, roundOf, type Driver, type Job } from './protocol.js'
import { countersOf, difference } from './webgpu/counters.js'
import { openPage } from './webgpu/web-workers.js'

/** The part of wllama 3 in use. */
interface WllamaModule {
  Wllama: new (
    paths: { default: string },
    options: { suppressNativeLog: boolean; cacheManager: object },
  ) => {
    loadModel(files: readonly File[], options: Readonly<Record<string, number | boolean>>): Promise<void>
    createCompletion(options: Readonly<Record<string, unknown>>): Promise<AsyncIterable<Chunk>>
    exit(): Promise<void>
  }
}
interface Chunk {
  readonly choices?: readonly { readonly finish_reason?: string | null }[]
}

/** More layers than any model has, all of which go to the GPU. */
const ALL_LAYERS = 99_999

/**
 * llama.cpp's WebGPU backend in Node, on the adapter that g3 gets there, with what a page has that Node lacks. Its shaders
 * need f16: without it, wllama computes on the CPU and does not say so, which counts as a failure here.
 */
export async function openWllamaInNode(job: Job): Promise<Driver> {
  setFlagsFromString('--experimental-wasm-jspi')
  const news = openPage()
  const folder = join(peerFolder('@wllama/wllama', job), 'esm')
  const { Wllama } = await importFile<WllamaModule>(join(folder, 'index.js'))
  const wasm = await readFile(join(folder, 'wasm', 'wllama.wasm'), 'base64')
  const wllama = new Wllama(
    { default: `data:application/wasm;base64,${wasm}` },
    { suppressNativeLog: true, cacheManager: {} },
  )
  const { prompt, promptText, generate, threads } = job
  await wllama.loadModel([new File([await openAsBlob(job.model)], 'model.gguf')], {
    n_ctx: Math.ceil((prompt.length + generate + 1) / 256) * 256,
    n_batch: 512,
    n_threads: threads,
    n_gpu_layers: ALL_LAYERS,
    warmup: false,
  })
  const { adapter, stored, counts: loading } = await news()
  check(
    loading !== undefined && loading.pipelines > 0,
    'bench/engine-failed',
    `wllama put nothing on the GPU (${adapter || 'no adapter'}): its kernels need shader-f16`,
  )

  /** When each token came. */
  const marks = async (count: number): Promise<number[]> => {
    const times: number[] = []
    const chunks = await wllama.createCompletion({
      prompt: promptText,
      max_tokens: count,
      temperature: 0,
      cache_prompt: false,
      stream: true,
      ignore_eos: true,
    })
    for await (const { choices } of chunks) {
      if (choices?.[0] && !choices[0].finish_reason) times.push(performance.now())
    }
    return times
  }
  return {
    async round() {
      const start = performance.now()
      const times = await marks(generate + 1)
      checkCount(job, times.length)
      return roundOf(job, start, times[0], times[times.length - 1])
    },
    async gpu() {
      if (!job.gpu.counters) return { adapter }
      const { config } = await readModelFacts(job.model)
      // A prompt with few tokens after it and one with more differ by these.
      const rounds: Counts[] = []
      for (const count of [1, 1, 1 + generate]) {
        await marks(count)
        rounds.push((await news()).counts ?? loading)
      }
      const [warm, few, many] = rounds
      const pipelines = loading.pipelines + warm.pipelines + few.pipelines + many.pipelines
      const run = { tokens: generate, layers: config.layers, pipelines, stored }
      return { adapter, counters: countersOf(difference(many, few), run) }
    },
    peakRssBytes,
    dispose: () => wllama.exit(),
  }
}
