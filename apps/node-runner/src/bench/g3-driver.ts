import { peakRssBytes } from '../peak-rss.js'
import { openModelFile } from '../loading.js'
import { loadG3 } from './g3-model.js'
import type { Driver, Job } from './protocol.js'
import { nodeGpu } from './webgpu/node-gpu.js'

/** Ourselves, in Node. */
export async function openG3(job: Job): Promise<Driver> {
  const model = await loadG3({ open: () => openModelFile(job.model), gpu: nodeGpu }, job)
  return { ...model, peakRssBytes }
}
