import { G3Error, type Backend } from '@g3/backend'

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
  const { cpu } = await import('@g3/kernels-cpu').catch((cause: unknown) => {
    throw new G3Error('auto/no-backend', 'no backend is installed: add the package @g3/kernels-cpu', { cause })
  })
  return cpu(options)
}
