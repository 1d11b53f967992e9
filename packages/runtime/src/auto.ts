import { G3Error, isG3Error, type Backend, type Footprint, type Workload } from '@g3/backend'

export type BackendName = 'cpu' | 'webgpu'

export interface AutoOptions {
  /** `auto`, the default, takes WebGPU where there is a GPU with room for the workload, and the CPU elsewhere. */
  readonly backend?: BackendName | 'auto'
  /** What the model asks of the backend, as `loadModel` tells it. Without it any GPU has room. */
  readonly workload?: Workload
  /** Told which backend was chosen before it is opened. */
  readonly onChoice?: (choice: Choice) => void
  /** Threads to compute with, which only the CPU has. Default: what the backend finds. */
  readonly threads?: number
  /**
   * Activations in matrix products: `fast`, of 8 bits (`f16` on some GPUs); `precise`, of 14 bits, for which WebGPU takes
   * f32; `exact`, f32. Default: the backend's, `fast` on the CPU and `exact` on WebGPU.
   */
  readonly precision?: 'fast' | 'precise' | 'exact'
  /** Where to look for an adapter. Default: `navigator.gpu`, in Node the optional package `webgpu`. */
  readonly gpu?: GPU
}

/** A backend and why it was taken, in a sentence without its end. */
export interface Choice {
  readonly backend: BackendName
  readonly reason: string
}

/**
 * A backend by name, or the best that this machine can have. The packages `@g3/kernels-cpu` and `@g3/kernels-webgpu` are
 * optional peers, loaded on first use. Only `auto` ever takes another backend than the one named.
 * @throws G3Error `auto/no-backend` when the package is not installed, `webgpu/unavailable` where WebGPU was asked for and
 * there is no adapter, and what the backend's factory throws
 */
export async function autoBackend(options: AutoOptions = {}): Promise<Backend> {
  const { onChoice, threads, precision, gpu } = options
  const choice = await chooseBackend(options)
  onChoice?.(choice)
  switch (choice.backend) {
    case 'cpu':
      return (await kernelsCpu()).cpu({ ...(threads !== undefined && { threads }), ...(precision && { precision }) })
    case 'webgpu':
      return (await kernelsWebGpu()).webgpu({ ...(gpu && { gpu }), ...(precision === 'fast' && { precision }) })
    default:
      return choice.backend satisfies never
  }
}

/**
 * What the CPU would take for a workload, for `estimate`.
 * @throws G3Error `auto/no-backend`; the function: what the backend's throws
 */
export async function autoFootprint(
  options: Pick<AutoOptions, 'threads'> = {},
): Promise<(workload: Workload) => Footprint> {
  const { cpuFootprint } = await kernelsCpu()
  return (workload) => cpuFootprint(workload, options)
}

/** Which backend {@link autoBackend} would open. */
export async function chooseBackend(options: AutoOptions): Promise<Choice> {
  const { backend = 'auto', threads } = options
  if (backend !== 'auto') return { backend, reason: 'it was asked for' }
  if (threads !== undefined) return { backend: 'cpu', reason: 'it is what has threads' }
  try {
    return await choiceByAdapter(options)
  } catch (error) {
    const isMissing = isG3Error(error) && (error.code === 'webgpu/unavailable' || error.code === 'auto/no-backend')
    if (isMissing) return { backend: 'cpu', reason: error.message }
    throw error
  }
}

async function choiceByAdapter({ gpu, workload }: AutoOptions): Promise<Choice> {
  const { largestBinding, webgpuAdapter } = await kernelsWebGpu()
  const { name, isSoftware, bindingBytes } = await webgpuAdapter(gpu && { gpu })
  if (isSoftware) return { backend: 'cpu', reason: `the adapter ${name} computes on the CPU, too, and slower` }
  const needed = workload === undefined ? 0 : largestBinding(workload)
  if (needed <= bindingBytes) return { backend: 'webgpu', reason: `${name} is a GPU and has room` }
  const reason = `${name} binds at most ${bindingBytes} bytes at a time and this context needs ${needed}`
  return { backend: 'cpu', reason }
}

const missing =
  (name: string) =>
  (cause: unknown): never => {
    throw new G3Error('auto/no-backend', `${name} cannot be loaded: install it with \`npm install ${name}\``, { cause })
  }

const kernelsCpu = (): Promise<typeof import('@g3/kernels-cpu')> =>
  import('@g3/kernels-cpu').catch(missing('@g3/kernels-cpu'))

const kernelsWebGpu = (): Promise<typeof import('@g3/kernels-webgpu')> =>
  import('@g3/kernels-webgpu').catch(missing('@g3/kernels-webgpu'))
