import type { PackedTensor, Workload } from '@g3/backend'
import { towerBuffers, towerTensors, type TowerConfig } from '@g3/vision'

/**
 * What an image encoder in the backend asks of it, beside the text model.
 * @param tensor by the name in an mmproj GGUF
 * @throws G3Error `vision/bad-config`; what `tensor` throws
 */
export function encoderWorkload(
  config: TowerConfig,
  tensor: (name: string) => Pick<PackedTensor, 'type'>,
): Required<Pick<Workload, 'tensors' | 'buffers' | 'attendAll'>> {
  const { width, heads, outWidth, imageSide } = config
  const buffers = towerBuffers(config)
  return {
    tensors: towerTensors(config).map(({ name, rows, cols }) =>
      // The other way round, in f32, see `loadTowerWeights`.
      name === 'mm.input_projection.weight'
        ? { type: 'F32', rows: outWidth, cols: width }
        : { type: tensor(name).type, rows, cols },
    ),
    // A step brings the pixels.
    buffers: [...Object.values(buffers), { rows: 1, cols: 3 * imageSide ** 2 }],
    attendAll: { rows: buffers.x.rows, heads, headDim: width / heads },
  }
}
