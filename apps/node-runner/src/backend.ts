import { existsSync } from 'node:fs'
import { G3Error, type Backend, type Workload } from '@g3/backend'
import { autoBackend, type Choice } from '@g3/runtime/auto'
import type { ModelOptions } from './options.js'

export interface ChosenBackend extends Choice {
  readonly opened: Backend
}

/** Where Linux has files for GPUs: of its own drivers, NVIDIA's, Windows' under WSL, Arm's and Qualcomm's. */
const GPU_FILES = ['/dev/dri', '/dev/nvidiactl', '/dev/dxg', '/dev/mali0', '/dev/kgsl-3d0']

/** Whether a GPU is worth looking for: loading what looks takes 40 ms and 75 MB. */
const mayHaveGpu = (): boolean => process.platform !== 'linux' || GPU_FILES.some((file) => existsSync(file))

/**
 * The backend that the options name. Where they name none it is `auto`, which does not look where no GPU can be.
 * @throws G3Error `cli/usage`, and what {@link autoBackend} throws
 */
export async function chooseBackend(
  { backend, threads, precision }: Pick<ModelOptions, 'backend' | 'threads' | 'precision'>,
  workload: Workload,
): Promise<ChosenBackend> {
  if (backend === 'webgpu' && threads !== undefined)
    throw new G3Error('cli/usage', '--threads is for the CPU: leave it out, or choose --backend cpu')
  const isHopeless = backend === undefined && !mayHaveGpu()
  let choice: Choice = { backend: 'cpu', reason: 'this machine has no GPU' }
  const opened = await autoBackend({
    workload,
    backend: isHopeless ? 'cpu' : (backend ?? 'auto'),
    ...(threads !== undefined && { threads }),
    ...(precision && { precision }),
    onChoice: (made) => {
      if (!isHopeless) choice = made
    },
  })
  return { ...choice, opened }
}
