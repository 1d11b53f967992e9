import { check, type PackedTensor } from '@g3/backend'
import { checkTensorRange } from '../tensor-range.js'
import { isWeightDtype } from './dtypes.js'
import type { CheckpointTensor } from './header.js'

/**
 * A stored tensor as rows of `cols`, read where it lies. One of more than two dimensions, a convolution's kernel, is its
 * first by all others.
 * @throws G3Error `safetensors/tensor-shape`, `safetensors/unsupported-dtype`
 */
export function storedTensor(stored: CheckpointTensor, name: string, rows: number, cols: number): PackedTensor {
  const { dtype, shape, source, offset: start, byteLength } = stored
  const [first = 0, ...others] = shape
  const isVector = others.length === 0
  const found = isVector ? [1, first] : [first, others.reduce((product, extent) => product * extent)]
  check(
    isVector === (rows === 1) && found[0] === rows && found[1] === cols,
    'safetensors/tensor-shape',
    () =>
      `${source.name}: ${stored.name} is ${shape.join(' x ')}, config.json makes it ${rows === 1 ? cols : `${rows} x ${cols}`}: they do not belong together`,
  )
  check(
    isWeightDtype(dtype),
    'safetensors/unsupported-dtype',
    () => `${source.name}: ${stored.name} is ${dtype}; supported are F32, F16 and BF16: convert the checkpoint`,
  )
  return {
    name,
    type: dtype,
    rows,
    cols,
    async read(offset, into, signal) {
      checkTensorRange(name, byteLength, offset, into.byteLength)
      await source.read(start + offset, into, signal)
    },
  }
}
