import { checkCount, roundOf, type Driver, type Job } from './protocol.js'
import { peakRssBytes } from '../peak-rss.js'
import { importPeer } from './peers.js'

/** The part of node-llama-cpp 3 in use. */
interface NodeLlamaCpp {
  getLlama(options: { gpu: false; build: 'never'; logLevel: 'error'; maxThreads: number }): Promise<{
    loadModel(options: { modelPath: string }): Promise<{
      createContext(options: {
        contextSize: number
        threads: number
        batchSize: number
      }): Promise<{ getSequence(): Sequence }>
    }>
    dispose(): Promise<void>
  }>
}

interface Sequence {
  clearHistory(): Promise<void>
  evaluate(ids: readonly number[], options: { temperature: number; yieldEogToken: boolean }): AsyncIterable<number>
}

/** Batches of this many tokens are llama.cpp's default, and its fastest on the prompts measured. */
const BATCH = 512

/** Native llama.cpp, from its prebuilt binary. */
export async function openNodeLlamaCpp(job: Job): Promise<Driver> {
  const { getLlama } = await importPeer<NodeLlamaCpp>('node-llama-cpp', job)
  const { threads } = job
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: threads })
  const model = await llama.loadModel({ modelPath: job.model })
  const contextSize = Math.ceil((job.prompt.length + job.generate + 1) / 256) * 256
  const context = await model.createContext({ contextSize, threads, batchSize: Math.min(BATCH, contextSize) })
  const sequence = context.getSequence()
  return {
    async round() {
      await sequence.clearHistory()
      const start = performance.now()
      let first = 0
      let made = -1
      for await (const _ of sequence.evaluate(job.prompt, { temperature: 0, yieldEogToken: true })) {
        if (made < 0) first = performance.now()
        if (++made === job.generate) break
      }
      const end = performance.now()
      checkCount(job, made + 1)
      return roundOf(job, start, first, end)
    },
    peakRssBytes,
    dispose: () => llama.dispose(),
  }
}
