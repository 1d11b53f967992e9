import { check } from '@g3/backend'
import type { WebGpuOptions } from './options.js'

/** What is known of an adapter before a device is made of it. */
export interface AdapterFacts {
  /** For people. */
  readonly name: string
  /** Whether it computes on the CPU. */
  readonly isSoftware: boolean
  /** Most bytes of a buffer that a kernel can be bound to. */
  readonly bindingBytes: number
}

/**
 * The adapter that {@link webgpu} would take with the same options.
 * @throws G3Error `webgpu/unavailable`
 */
export async function webgpuAdapter(options: Pick<WebGpuOptions, 'adapter' | 'gpu'> = {}): Promise<AdapterFacts> {
  const { info, limits } = await openAdapter(options)
  return { name: adapterName(info), isSoftware: isSoftware(info), bindingBytes: bindingBytesOf(limits) }
}

/** @param isAnother whether there was one before, whose device is lost: an adapter gives one device only */
export async function openAdapter(
  { adapter, gpu }: Pick<WebGpuOptions, 'adapter' | 'gpu'>,
  isAnother = false,
): Promise<GPUAdapter> {
  if (adapter !== undefined && !isAnother) return adapter
  const host = gpu ?? globalThis.navigator?.gpu
  check(
    host !== undefined,
    'webgpu/unavailable',
    'there is no WebGPU here: use a browser that has it, in Node install the package webgpu, or pass `device`',
  )
  const found = await host.requestAdapter({ powerPreference: 'high-performance' })
  check(found !== null, 'webgpu/unavailable', 'WebGPU has no adapter here: the GPU or its driver is missing or blocked')
  return found
}

export const adapterName = (info: GPUAdapterInfo | undefined): string =>
  info?.description || [info?.vendor, info?.architecture].filter(Boolean).join(' ') || 'unnamed adapter'

/** Mesa's and Google's drivers that run on the CPU, and what else its host counts among such. */
export const isSoftware = (info: GPUAdapterInfo | undefined): boolean =>
  info?.isFallbackAdapter === true ||
  /llvmpipe|swiftshader/i.test(`${info?.description} ${info?.architecture} ${info?.device}`)

export const bindingBytesOf = (limits: GPUSupportedLimits): number =>
  // Offsets in a binding are 32-bit numbers of bytes.
  Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize, 2 ** 31)
