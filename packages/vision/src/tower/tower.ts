import { check, type Buffer, type PackedTensor, type Program, type VisionBackend } from '@g3/backend'
import { gridOf, type TowerConfig } from './config.js'
import { loadTowerWeights, type TowerWeights } from './weights.js'

/** Turns views into soft tokens. Weights live in the backend, which its owner disposes. */
export interface VisionEncoder {
  /** Soft tokens of a view: 256 at the published size. */
  readonly tokens: number
  /** Values of a soft token: the language model's width. */
  readonly width: number
  /** Pixels of a view's side. */
  readonly side: number
  /**
   * The soft tokens [tokens, width] of one view [3, side, side]. They go into the model as they are, not times
   * sqrt(width) as embeddings of text.
   * @throws G3Error `vision/bad-pixels`, what the backend throws
   */
  encode(pixels: Float32Array): Promise<Float32Array>
}

/**
 * Loads the weights and records the two programs that are the encoder: the tower, from pixels to pooled patches, and the
 * projector, from those to soft tokens.
 *
 * Source: Zhai et al., "Sigmoid Loss for Language Image Pre-Training" (arXiv 2303.15343); Gemma 3 Technical Report (arXiv
 * 2503.19786); transformers, `modeling_siglip.py` and `Gemma3MultiModalProjector` of `modeling_gemma3.py`.
 * @param tensors of an mmproj GGUF, by name
 * @throws G3Error `vision/bad-config`, `vision/tensor-shape`, what `tensors` and the backend throw; the signal's reason
 */
export async function loadTower(
  backend: VisionBackend,
  tensors: (name: string) => PackedTensor,
  config: TowerConfig,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<VisionEncoder> {
  const rows = gridOf(config) ** 2
  const tokens = rows / config.poolSide ** 2
  const weights = await loadTowerWeights(backend, tensors, config, signal)
  const pooled = backend.buffer('vision pooled', tokens, config.width)
  const soft = backend.buffer('vision soft tokens', tokens, config.outWidth)
  const tower = recordTower(backend, config, weights, pooled)
  const projector = recordProjector(backend, config, weights, pooled, soft)
  // Rows of the table of positions: patches lie in its order.
  const ids = Int32Array.from({ length: rows }, (_, i) => i)
  const values = 3 * config.imageSide ** 2
  return {
    tokens,
    width: config.outWidth,
    side: config.imageSide,
    async encode(pixels) {
      const { imageSide } = config
      check(
        pixels.length === values,
        'vision/bad-pixels',
        () => `${pixels.length} values are no view of 3 x ${imageSide} x ${imageSide}; give one of preprocess's pixels`,
      )
      backend.run(tower, { rows, ids, pixels })
      backend.run(projector, { rows: tokens })
      return backend.read(soft, tokens)
    },
  }
}

/** pixels -> pooled: patches, all layers, the last norm, squares of patches. */
function recordTower(backend: VisionBackend, config: TowerConfig, weights: TowerWeights, pooled: Buffer): Program {
  const { imageSide: side, patchSide: patch, width, ffn, heads, eps, poolSide } = config
  const grid = gridOf(config)
  const headDim = width / heads
  const buffer = (label: string, cols: number) => backend.buffer(`vision ${label}`, grid * grid, cols)
  const cut = buffer('patches', 3 * patch * patch)
  const [x, h] = [buffer('x', width), buffer('h', width)]
  const [q, k, v] = [buffer('q', width), buffer('k', width), buffer('v', width)]
  const attended = buffer('attended', width)
  const wide = buffer('wide', ffn)

  return backend.record('vision tower', (ops) => {
    ops.patches({ side, patch, out: cut })
    ops.embed({ weight: weights.positions, scale: 1, out: x })
    ops.addLinear({ x: cut, ...weights.patches, out: x })

    for (const w of weights.layers) {
      ops.layerNorm({ x, ...w.attentionNorm, eps, out: h })
      ops.linear({ x: h, ...w.q, out: q })
      ops.linear({ x: h, ...w.k, out: k })
      ops.linear({ x: h, ...w.v, out: v })
      ops.attendAll({ q, k, v, headDim, scale: headDim ** -0.5, out: attended })
      ops.addLinear({ x: attended, ...w.attentionOut, out: x })

      ops.layerNorm({ x, ...w.ffnNorm, eps, out: h })
      ops.linear({ x: h, ...w.up, gelu: true, out: wide })
      ops.addLinear({ x: wide, ...w.down, out: x })
    }

    ops.layerNorm({ x, ...weights.outputNorm, eps, out: h })
    ops.pool({ x: h, columns: grid, size: poolSide, out: pooled })
  })
}

/** pooled -> soft tokens. */
function recordProjector(
  backend: VisionBackend,
  { eps, width }: TowerConfig,
  { softNorm, projection }: TowerWeights,
  pooled: Buffer,
  soft: Buffer,
): Program {
  const normed = backend.buffer('vision normed', pooled.rows, width)
  return backend.record('vision projector', (ops) => {
    ops.norm({ x: pooled, weight: softNorm, eps, out: normed })
    ops.project({ x: normed, weight: projection, out: soft })
  })
}
