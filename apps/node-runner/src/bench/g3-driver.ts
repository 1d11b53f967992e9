import { open } from 'node:fs/promises'
import { cpu } from '@g3/kernels-cpu'
import { configFromGguf, loadGemma3 } from '@g3/runtime'
import { fileSource, readGguf, tensorNamed } from '@g3/runtime/gguf'
import { roundOf, type Driver, type Job } from './protocol.js'

/** Ourselves, one layer below generation: there an end mark would end the round. */
export async function openG3(job: Job): Promise<Driver> {
  const source = fileSource(await open(job.model))
  const { precision, simd } = job.engine
  const backend = await cpu({ threads: job.threads, ...(precision && { precision }), ...(simd && { simd }) })
  const gguf = await readGguf(await source)
  const model = await loadGemma3(backend, (name) => tensorNamed(gguf, name), configFromGguf(gguf), {
    context: job.prompt.length + job.generate + 1,
  })
  await gguf.source.close?.()
  const sequence = model.sequence()
  return {
    async round() {
      sequence.reset()
      const start = performance.now()
      await sequence.append(job.prompt)
      let id = await sequence.pick()
      const first = performance.now()
      for (let made = 0; made < job.generate; made++) {
        sequence.step(id)
        id = await sequence.pick()
      }
      return roundOf(job, start, first, performance.now())
    },
    peakRssBytes: () => process.resourceUsage().maxRSS * 1024,
    dispose: () => backend.dispose(),
  }
}
