import { check, G3Error } from '@g3/backend'
import { adapterName, bindingBytesOf, isSoftware, openAdapter } from './adapter.js'
import type { WebGpuOptions } from './options.js'

/** What products multiply at most: floats of 32 or of 16 bits, or four bytes at a time. */
export type Multiplies = 'f32' | 'f16' | 'dp4a'

/** What the kernels may count on. */
export interface Capabilities {
  readonly subgroups: boolean
  /** Whether inner loops are written out. */
  readonly unrolled: boolean
  /** Whether the driver is to be checked. */
  readonly selfCheck: boolean
  readonly multiplies: Multiplies
  /** Most bytes of a storage binding, and so of a buffer. */
  readonly bindingBytes: number
  /** Most bytes of a part of a weight or of a cache. */
  readonly shardBytes: number
}

export interface OpenDevice {
  readonly device: GPUDevice
  readonly capabilities: Capabilities
  /** Adapter and choices, for people. */
  readonly description: string
  /** Destroys a device that was made here. */
  close(): void
}

/** Limits that larger models and faster kernels profit from; what the adapter has is asked for. */
const WANTED = ['maxBufferSize', 'maxStorageBufferBindingSize'] as const

/** The specification's defaults: every adapter has them. */
const MINIMUM = { maxBufferSize: 256 * 2 ** 20, maxStorageBufferBindingSize: 128 * 2 ** 20 } as const

/**
 * The device to run on: the caller's, or a new one of the adapter, with the features that the kernels have variants
 * for.
 * @param isAnother whether there was one before, which is lost
 * @throws G3Error `webgpu/unavailable`, `webgpu/options`
 */
export async function openDevice(options: WebGpuOptions, isAnother: boolean): Promise<OpenDevice> {
  const { precision = 'exact' } = options
  check(
    precision === 'exact' || precision === 'fast',
    'webgpu/options',
    () => `precision must be exact or fast, not ${String(precision)}`,
  )
  const adapter = options.device === undefined ? await openAdapter(options, isAnother) : undefined
  const device = adapter === undefined ? await givenDevice(options, isAnother) : await requestDevice(adapter, options)
  const subgroups = device.features.has('subgroups') && options.subgroups !== false
  check(
    subgroups || options.subgroups !== true,
    'webgpu/unavailable',
    'subgroups were asked for, but this device does not have them',
  )
  const multiplies = precision === 'fast' ? await fastestOf(device) : 'f32'
  const bindingBytes = bindingBytesOf(device.limits)
  // Node's Dawn settles no promise any more once its GPU object has been collected as garbage.
  const holds = new Set<unknown>([options, adapter])
  const info = adapter?.info ?? device.adapterInfo
  return {
    device,
    capabilities: {
      subgroups,
      bindingBytes,
      shardBytes: Math.min(bindingBytes, options.limits?.shardBytes ?? Infinity),
      unrolled: options.unrolled ?? !isSoftware(info),
      selfCheck: options.selfCheck ?? !isSoftware(info),
      multiplies,
    },
    description: [
      adapterName(info),
      subgroups ? 'subgroups' : 'shared memory',
      multiplies,
      `bindings of ${Math.floor(bindingBytes / 2 ** 20)} MiB`,
    ].join(', '),
    close() {
      if (options.device === undefined) device.destroy()
      holds.clear()
    },
  }
}

/** Bytes where WGSL has them: browsers offer them with an instruction of the GPU's or with what drivers make of shifts. */
async function fastestOf(device: GPUDevice): Promise<Multiplies> {
  const code = 'requires packed_4x8_integer_dot_product;'
  device.pushErrorScope('validation')
  device.createShaderModule({ label: 'dp4a', code })
  if ((await device.popErrorScope()) === null) return 'dp4a'
  return device.features.has('shader-f16') ? 'f16' : 'f32'
}

async function givenDevice({ device }: WebGpuOptions, isAnother: boolean): Promise<GPUDevice> {
  if (typeof device === 'function') return device()
  check(
    device !== undefined && !isAnother,
    'webgpu/unavailable',
    'the device was lost, and it was given: give `device` as a function, which is asked for another',
  )
  return device
}

async function requestDevice(adapter: GPUAdapter, options: WebGpuOptions): Promise<GPUDevice> {
  const requiredFeatures: GPUFeatureName[] = []
  if (options.subgroups !== false && adapter.features.has('subgroups')) requiredFeatures.push('subgroups')
  if (options.precision === 'fast' && adapter.features.has('shader-f16')) requiredFeatures.push('shader-f16')
  const requiredLimits: Record<string, number> = {}
  for (const name of WANTED) {
    requiredLimits[name] = options.limits?.minimum === true ? MINIMUM[name] : adapter.limits[name]
  }
  try {
    return await adapter.requestDevice({ label: 'g3', requiredFeatures, requiredLimits })
  } catch (cause) {
    throw new G3Error('webgpu/unavailable', `the adapter gives no device: ${String(cause)}`, { cause })
  }
}
