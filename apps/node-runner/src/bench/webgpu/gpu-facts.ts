import { check } from '@g3/backend'
import { webgpu } from '@g3/kernels-webgpu'
import { changeDevices, counted, timed } from '@g3/kernels-webgpu/test'
import type { G3Host } from '../g3-host.js'
import { loadOn } from '../load-on.js'
import type { Job } from '../protocol.js'
import { copyRate } from './copy-rate.js'
import { countersOf, type Counters } from './counters.js'

/** What an engine on WebGPU tells beside its speed. */
export interface GpuFacts {
  /** Adapter and variant of the kernels. */
  readonly adapter: string
  readonly counters?: Counters
  /** The longest first. */
  readonly perOp?: readonly OpTime[]
  /** Bytes read and written a second by copies of the adapter. */
  readonly copyBytesPerSecond?: number
}

/** What the dispatches of one kernel take of a token. */
export interface OpTime {
  readonly op: string
  readonly dispatchesPerToken: number
  readonly microsecondsPerToken: number
}

/** WebGPU computes in f32 unless `fast` is asked for. */
export const gpuPrecision = ({ engine }: Pick<Job, 'engine'>): { readonly precision?: 'fast' } =>
  engine.precision === 'fast' ? { precision: 'fast' } : {}

/** Finds out what a job asks of WebGPU, each in a run of its own, so that no watching slows the rounds. */
export async function gpuFacts(gpu: GPU, host: G3Host, job: Job): Promise<Omit<GpuFacts, 'adapter'>> {
  const { counters, perOp, copyRate: wantsCopyRate } = job.gpu
  return {
    ...(counters && { counters: await countTokens(gpu, host, job) }),
    ...(perOp && { perOp: await timeOps(gpu, host, job) }),
    ...(wantsCopyRate && { copyBytesPerSecond: await copyRate(await adapterOf(gpu)) }),
  }
}

async function countTokens(gpu: GPU, host: G3Host, job: Job): Promise<Counters> {
  await using loop = await openLoop(gpu, host, job, [], counted)
  const stored = loop.watched.weightsLoaded()
  await loop.begin()
  const { pipelines } = loop.watched.take()
  for (let made = 0; made < job.generate; made++) await loop.token()
  return countersOf(loop.watched.take(), { tokens: job.generate, layers: loop.layers, pipelines, stored })
}

async function timeOps(gpu: GPU, host: G3Host, job: Job): Promise<OpTime[]> {
  await using loop = await openLoop(gpu, host, job, ['timestamp-query'], timed)
  await loop.begin()
  await loop.watched.take()
  for (let made = 0; made < job.generate; made++) await loop.token()
  return (await loop.watched.take()).map(({ label, dispatches, nanoseconds }) => ({
    op: label,
    dispatchesPerToken: dispatches / job.generate,
    microsecondsPerToken: Math.round(nanoseconds / job.generate / 10) / 100,
  }))
}

/** A decode loop on a device that is watched. */
interface Loop<W> extends AsyncDisposable {
  readonly watched: W
  readonly layers: number
  /** Reads the prompt and makes two tokens, so that all is compiled. */
  begin(): Promise<void>
  token(): Promise<void>
}

async function openLoop<W>(
  gpu: GPU,
  host: G3Host,
  job: Job,
  features: readonly GPUFeatureName[],
  watch: (device: GPUDevice) => W,
): Promise<Loop<W>> {
  const adapter = await adapterOf(gpu)
  const missing = features.find((feature) => !adapter.features.has(feature))
  check(missing === undefined, 'bench/no-feature', `this adapter has no ${missing}`)
  const { promise: watched, resolve } = Promise.withResolvers<W>()
  changeDevices(adapter, features, (device) => resolve(watch(device)))
  // The backend of the rounds has checked itself.
  const backend = await webgpu({ adapter, selfCheck: false, ...gpuPrecision(job) })
  try {
    const model = await loadOn(backend, await host.open(), job)
    const sequence = model.sequence()
    let id = 0
    const token = async (): Promise<void> => {
      sequence.step(id)
      id = await sequence.pick()
    }
    return {
      watched: await watched,
      layers: model.config.layers,
      async begin() {
        await sequence.append(job.prompt)
        id = await sequence.pick()
        await token()
      },
      token,
      [Symbol.asyncDispose]: () => backend.dispose(),
    }
  } catch (error) {
    await backend.dispose()
    throw error
  }
}

async function adapterOf(gpu: GPU): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  check(adapter !== null, 'webgpu/unavailable', 'the adapter of the rounds is not there any more')
  return adapter
}
