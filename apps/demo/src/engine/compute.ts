import type { BackendWish } from '@g3/runtime/worker'

/** What a visitor wants a model to run on. */
export type ComputeMode = 'auto' | 'webgpu' | 'threads' | 'single'

export const COMPUTE_NAMES: Readonly<Record<ComputeMode, string>> = {
  auto: 'What suits this device',
  webgpu: 'GPU (WebGPU)',
  threads: 'CPU, all threads',
  single: 'CPU, one thread',
}

/** What this page can have: threads share memory, which browsers allow in pages that are cross-origin isolated. */
export interface Abilities {
  readonly webgpu: boolean
  readonly threads: number
}

export const abilities = (): Abilities => ({
  webgpu: 'gpu' in navigator,
  threads: globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1,
})

export function wishOf(mode: ComputeMode): BackendWish {
  switch (mode) {
    case 'auto':
      return {}
    case 'webgpu':
      return { backend: 'webgpu' }
    case 'threads':
      return { backend: 'cpu' }
    case 'single':
      return { backend: 'cpu', threads: 1 }
    default:
      return mode satisfies never
  }
}

export const isComputeMode = (value: unknown): value is ComputeMode =>
  typeof value === 'string' && Object.hasOwn(COMPUTE_NAMES, value)
