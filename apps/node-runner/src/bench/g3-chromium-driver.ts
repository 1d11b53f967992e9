import { fileURLToPath } from 'node:url'
import { openPage } from './chromium.js'
import type { Driver, Job, Round } from './protocol.js'
import type { GpuFacts } from './webgpu/gpu-facts.js'

/** As the build names it: the folder of `g3-page.js`. */
const PAGE_FOLDER = fileURLToPath(new URL('./page/', import.meta.url))

const loadScript = (job: Job): string => `(async () => {
  const { loadG3, pageHost } = await import('/g3-page.js')
  const model = await (await fetch('/model.gguf')).blob()
  globalThis.g3 = await loadG3(pageHost(model), ${JSON.stringify(job)})
})()`

/** Ourselves in a page, as wllama is measured. Reading the model's bytes counts as loading. */
export async function openG3InChromium(job: Job): Promise<Driver> {
  const page = await openPage(job, PAGE_FOLDER)
  await page.evaluate(loadScript(job))
  return {
    round: () => page.evaluate<Round>('g3.round()'),
    decode: (batch, context) => page.evaluate<number>(`g3.decode(${batch}, ${context})`),
    gpu: () => page.evaluate<GpuFacts | undefined>('g3.gpu?.()'),
    peakRssBytes: page.peakRssBytes,
    dispose: page.close,
  }
}
