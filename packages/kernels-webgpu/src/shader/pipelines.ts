import { G3Error } from '@g3/backend'
import { COMPUTE_STAGE } from '../gpu-constants.js'
import type { KernelSource } from './source.js'

/** A kernel on this device. It is compiled aside: one of `pipeline` and `failure` is there once `ready` is fulfilled. */
export interface Kernel {
  readonly label: string
  readonly layout: GPUBindGroupLayout
  readonly ready: Promise<void>
  pipeline: GPUComputePipeline | undefined
  failure: G3Error | undefined
}

export interface Pipelines {
  /** The layout of group 0: the step, at an offset that each run sets. */
  readonly stepLayout: GPUBindGroupLayout
  /** Compiles a kernel, once for each text. */
  kernel(source: KernelSource): Kernel
}

export function openPipelines(device: GPUDevice): Pipelines {
  const stepLayout = device.createBindGroupLayout({
    label: 'step',
    entries: [
      { binding: 0, visibility: COMPUTE_STAGE, buffer: { type: 'read-only-storage', hasDynamicOffset: true } },
    ],
  })
  const layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>()
  const kernels = new Map<string, Kernel>()

  const layoutOf = ({ bindings }: KernelSource) => {
    const key = bindings.map(({ access }) => access).join()
    const known = layouts.get(key)
    if (known !== undefined) return known
    const group = device.createBindGroupLayout({
      label: key,
      entries: [
        { binding: 0, visibility: COMPUTE_STAGE, buffer: { type: 'uniform' } },
        ...bindings.map(({ access }, i): GPUBindGroupLayoutEntry => ({
          binding: i + 1,
          visibility: COMPUTE_STAGE,
          buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
        })),
      ],
    })
    const pipeline = device.createPipelineLayout({ label: key, bindGroupLayouts: [stepLayout, group] })
    const made = { group, pipeline }
    layouts.set(key, made)
    return made
  }

  return {
    stepLayout,
    kernel(source) {
      const known = kernels.get(source.code)
      if (known !== undefined) return known
      const { label, code } = source
      const { group, pipeline: layout } = layoutOf(source)
      const module = device.createShaderModule({ label, code })
      const kernel: Kernel = {
        label,
        layout: group,
        pipeline: undefined,
        failure: undefined,
        ready: device.createComputePipelineAsync({ label, layout, compute: { module, entryPoint: 'main' } }).then(
          (pipeline) => {
            kernel.pipeline = pipeline
          },
          (cause) => {
            const message = `the GPU's driver does not take the kernel ${label}: ${String(cause)}`
            kernel.failure = new G3Error('webgpu/compile', message, { cause })
          },
        ),
      }
      kernels.set(code, kernel)
      return kernel
    },
  }
}
