import { G3Error } from '@g3/backend'

/** Browsers round times to 100 µs, and so does Dawn unless it is told not to. */
const EXACT_TIMES = ['disable-dawn-features=timestamp_quantization']

/** WebGPU in Node. @throws G3Error `webgpu/unavailable` */
export async function nodeGpu(): Promise<GPU> {
  try {
    const { create } = await import('webgpu')
    return create(EXACT_TIMES)
  } catch (cause) {
    throw new G3Error('webgpu/unavailable', 'Node has no WebGPU of its own: install it with `npm install webgpu`', {
      cause,
    })
  }
}
