import { G3Error, type Backend, type Footprint, type Workload } from '@g3/backend'

export interface AutoOptions {
  /** Threads to compute with. Default: what the backend finds. */
  readonly threads?: number
  /** Activations of 8 bits (`fast`, the default), 14 bits (`precise`) or f32 (`exact`, for evaluation). */
  readonly precision?: 'fast' | 'precise' | 'exact'
}

/**
 * The best backend that is installed: for now `@g3/kernels-cpu`, an optional peer that is loaded on first use.
 * @throws G3Error `auto/no-backend` when none is installed, and what the backend's factory throws
 */
export async function autoBackend(options: AutoOptions = {}): Promise<Backend> {
  const { cpu } = await kernelsCpu()
  return cpu(options)
}

/**
 * What {@link autoBackend} would take for a workload, for `estimate`.
 * @throws G3Error `auto/no-backend`; the function: what the backend's throws
 */
export async function autoFootprint(
  options: Pick<AutoOptions, 'threads'> = {},
): Promise<(workload: Workload) => Footprint> {
  const { cpuFootprint } = await kernelsCpu()
  return (workload) => cpuFootprint(workload, options)
}

const kernelsCpu = (): Promise<typeof import('@g3/kernels-cpu')> =>
  import('@g3/kernels-cpu').catch((cause: unknown) => {
    throw new G3Error('auto/no-backend', 'no backend is installed: add the package @g3/kernels-cpu', { cause })
  })
