import { check, isG3Error, type Backend } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { webgpu } from '@g3/kernels-webgpu'
import type { TextSequence } from '@g3/runtime'
import { checksum } from './checksum.js'
import type { G3Host } from './g3-host.js'
import { loadOn } from './load-on.js'
import { backendOf, roundOf, type Driver, type Job } from './protocol.js'
import { gpuFacts, gpuPrecision } from './webgpu/gpu-facts.js'

/** Ourselves, one layer below generation: there an end mark would end the round. Runs in pages, too. */
export type G3Model = Required<Pick<Driver, 'round' | 'decode' | 'dispose'>> & Pick<Driver, 'gpu'>

/** Loads the model of a job. */
export async function loadG3(host: G3Host, job: Job): Promise<G3Model> {
  const { prompt, generate, sequences } = job
  const isOnGpu = backendOf(job) === 'webgpu'
  const gpu = isOnGpu ? await host.gpu() : undefined
  const backend = gpu ? await webgpu({ gpu, ...gpuPrecision(job) }) : await openCpu(job)
  const model = await loadOn(backend, await host.open(), job)
  const all = Array.from({ length: sequences }, () => model.sequence())
  const [sequence] = all

  return {
    async round() {
      sequence.reset()
      const start = performance.now()
      await sequence.append(prompt)
      const ids = [await sequence.pick()]
      const first = performance.now()
      await decodeInto(ids, sequence, generate)
      return { ...roundOf({ prompt, generate }, start, first, performance.now()), checksum: checksum(ids) }
    },
    async decode(count, context) {
      const members = all.slice(0, count)
      for (const member of members) await bringTo(member, context, prompt)
      const batch = model.batch(members)
      const ids = await batch.pick()
      const start = performance.now()
      for (let made = 0; made < generate; made++) {
        batch.step(ids)
        await batch.pick(ids)
      }
      return ((count * generate) / (performance.now() - start)) * 1000
    },
    ...(gpu && {
      async gpu() {
        const adapter = backend.caps.description
        await backend.dispose()
        return { adapter, ...(await gpuFacts(gpu, host, job)) }
      },
    }),
    dispose: () => backend.dispose(),
  }
}

/** Adds so many tokens: where the backend runs ahead, one is asked for before the one before it has come. */
async function decodeInto(ids: number[], sequence: TextSequence, count: number): Promise<void> {
  if (!sequence.runsAhead) {
    for (let made = 0; made < count; made++) {
      sequence.step(ids[ids.length - 1])
      ids.push(await sequence.pick())
    }
    return
  }
  let coming = sequence.follow()
  for (let made = 1; made < count; made++) {
    const next = sequence.follow()
    ids.push(await coming)
    coming = next
  }
  ids.push(await coming)
}

async function openCpu({ engine: { precision, simd }, threads }: Job): Promise<Backend> {
  const backend = await cpu({ threads, ...(precision && { precision }), ...(simd && { simd }) })
  check(backend.caps.threads === threads, 'bench/engine-failed', `${threads} threads cannot share memory here`)
  return backend
}

/** Brings a sequence to `length` tokens, the last one read anew, and keeps what it can: the prompt's text matters not. */
async function bringTo(sequence: TextSequence, length: number, prompt: readonly number[]): Promise<void> {
  if (sequence.length >= length) {
    try {
      sequence.rewind(length - 1)
    } catch (error) {
      if (!isG3Error(error) || error.code !== 'kv-cache/rewound-past-window') throw error
      sequence.reset()
    }
  }
  await sequence.append(prompt.slice(sequence.length, length))
}
