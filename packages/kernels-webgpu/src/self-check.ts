import { G3Error, isG3Error, reference } from '@g3/backend'
import { openEngine, type Engine } from './engine.js'
import { front } from './front.js'
import type { WebGpuOptions } from './options.js'
import { smallLayer } from './small-layer.js'

/**
 * Opens an engine whose kernels compute what they should: a small layer is run and compared with the reference. Where a
 * driver gets it wrong or takes a kernel not at all, the next safer variant is taken, and people are told.
 * @param isAnother whether there was a device before, which is lost
 * @throws G3Error `webgpu/unavailable`; `webgpu/wrong-results` where no variant is right; `backend/lost`
 */
export async function openChecked(options: WebGpuOptions, isAnother = false): Promise<Engine> {
  const engine = await openEngine(options, isAnother)
  if (!engine.capabilities.selfCheck) return engine
  try {
    await checkLayer(engine)
    return engine
  } catch (error) {
    await engine.close()
    const safer = isDriverFault(error) ? saferThan(options, engine) : undefined
    if (safer === undefined) throw error
    const notify = options.onNotice ?? console.warn
    notify(`WebGPU: ${String(error)}; ${safer.instead}`)
    return openChecked(safer.options, isAnother)
  }
}

async function checkLayer(engine: Engine): Promise<void> {
  const expected = await smallLayer(reference())
  const found = await smallLayer(front(() => engine))
  const error = Math.max(...found.map((values, i) => largestError(values, expected[i])))
  if (error <= TOLERANCE) return
  throw new G3Error(
    'webgpu/wrong-results',
    `a layer computed on ${engine.description} is off by ${error.toPrecision(2)} of its largest value: ` +
      "update the GPU's driver, or use another backend",
  )
}

const isDriverFault = (error: unknown): boolean =>
  isG3Error(error) && ['webgpu/wrong-results', 'webgpu/compile', 'webgpu/invalid', 'webgpu/internal'].includes(error.code)

/** Rounding stays far below this; a lane or a bit that is missing is far above. */
const TOLERANCE = 0.02

interface Safer {
  readonly options: WebGpuOptions
  readonly instead: string
}

/** What asks less of a driver: the variant that asks most goes first. */
function saferThan(options: WebGpuOptions, { capabilities }: Engine): Safer | undefined {
  if (capabilities.multiplies !== 'f32') {
    return { options: { ...options, precision: 'exact' }, instead: 'products are f32' }
  }
  if (capabilities.subgroups && options.subgroups !== true) {
    return { options: { ...options, subgroups: false }, instead: 'shared memory is used instead of subgroups' }
  }
  return undefined
}

/** The largest difference, by the largest value. NaN counts as infinite. */
function largestError(found: Float32Array, expected: Float32Array): number {
  let error = 0
  let scale = 0
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs(found[i] - value)
    error = Math.max(error, Number.isNaN(difference) ? Infinity : difference)
    scale = Math.max(scale, Math.abs(value))
  }
  return error / scale
}
