import { G3Error } from '@g3/backend'

/**
 * WebGPU for Node: Dawn, as the optional package `webgpu` has it.
 * @throws G3Error `webgpu/unavailable`
 */
export async function nodeGpu(): Promise<GPU> {
  try {
    const { create } = await import('webgpu')
    return create([])
  } catch (cause) {
    throw new G3Error(
      'webgpu/unavailable',
      'Node has no WebGPU of its own: install it with `npm install webgpu`, or pass `gpu` or `device`',
      { cause },
    )
  }
}
