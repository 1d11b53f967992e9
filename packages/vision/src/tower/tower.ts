import {
  check,
  type Backend,
  type Buffer,
  type Ops,
  type PackedTensor,
  type Program,
  type VisionOps,
} from '@g3/backend'
import { gridOf, type TowerConfig } from './config.js'
import { loadTowerWeights, type TowerLayer, type TowerWeights } from './weights.js'

export interface EncodeOptions {
  /** Heard after each layer. */
  readonly signal?: AbortSignal | undefined
  /** Layers that are done, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

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
   * @throws G3Error `vision/bad-pixels`, `vision/busy` while another view is encoded, what the backend throws; the
   * signal's reason
   */
  encode(pixels: Float32Array, options?: EncodeOptions): Promise<Float32Array>
}

/** Room in the backend for what the tower makes of one view: [tokens, width of the tower], normed for the projector. */
export interface Features {
  readonly buffer: Buffer
  readonly program: Program
}

/** An encoder whose soft tokens need not leave the backend. */
export interface Tower extends VisionEncoder {
  features(label: string): Features
  /** Encodes a view as {@link VisionEncoder.encode}; returns when the last of the work is enqueued. */
  see(pixels: Float32Array, into: Features, options?: EncodeOptions): Promise<void>
  /** Into a program whose steps have a view's rows: features -> soft tokens, out [tokens, width of the language model] */
  project(ops: Pick<Ops, 'project'>, features: Features, out: Buffer): void
}

/**
 * Loads the weights and records the programs that are the encoder: the tower, from pixels to pooled patches, a layer at a
 * time so that it can be watched and stopped, and the projector, from those to soft tokens.
 *
 * Source: Zhai et al., "Sigmoid Loss for Language Image Pre-Training" (arXiv 2303.15343); Gemma 3 Technical Report (arXiv
 * 2503.19786); transformers, `modeling_siglip.py` and `Gemma3MultiModalProjector` of `modeling_gemma3.py`.
 * @param tensors of an mmproj GGUF, by name
 * @throws G3Error `vision/bad-config`, `vision/backend` where the backend has no ops for images, `vision/tensor-shape`, what
 * `tensors` and the backend throw; the signal's reason
 */
export async function loadTower(
  backend: Backend,
  tensors: (name: string) => PackedTensor,
  config: TowerConfig,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Tower> {
  const work = allocateWork(backend, config)
  const record = recorder(backend)
  const pool = recordPool(record, config, work)
  const weights = await loadTowerWeights(backend, tensors, config, signal)
  const { rows, tokens } = work
  const { imageSide: side, eps, width, outWidth } = config
  const start = recordStart(record, config, weights, work)
  const layers = weights.layers.map((layer) => recordLayer(record, config, layer, work))
  const end = record('vision end', (ops) => ops.layerNorm({ x: work.x, ...weights.outputNorm, eps, out: work.h }))

  const features = (label: string): Features => {
    const buffer = backend.buffer(label, tokens, width)
    return {
      buffer,
      program: backend.record(label, (ops) => ops.norm({ x: work.pooled, weight: weights.softNorm, eps, out: buffer })),
    }
  }
  const project: Tower['project'] = (ops, { buffer }, out) =>
    ops.project({ x: buffer, weight: weights.projection, out })

  const own = features('vision normed')
  const soft = backend.buffer('vision soft tokens', tokens, outWidth)
  const projector = backend.record('vision projector', (ops) => project(ops, own, soft))

  // Rows of the table of positions: patches lie in its order.
  const ids = Int32Array.from({ length: rows }, (_, i) => i)
  const values = 3 * side ** 2
  const waited = new Float32Array(width)
  let busy = false
  const see: Tower['see'] = async (pixels, into, { signal: aborted, onProgress } = {}) => {
    check(
      pixels.length === values,
      'vision/bad-pixels',
      () => `${pixels.length} values are no view of 3 x ${side} x ${side}; give one of preprocess's pixels`,
    )
    check(!busy, 'vision/busy', 'a view is being encoded; wait for that first')
    aborted?.throwIfAborted()
    busy = true
    try {
      backend.run(start, { rows, ids, pixels })
      for (const [done, layer] of layers.entries()) {
        backend.run(layer, { rows })
        await backend.read(work.x, 1, waited)
        aborted?.throwIfAborted()
        onProgress?.(done + 1, layers.length)
      }
      backend.run(end, { rows })
      backend.run(pool, { rows })
      backend.run(into.program, { rows: tokens })
    } finally {
      busy = false
    }
  }
  return {
    tokens,
    width: outWidth,
    side,
    features,
    see,
    project,
    async encode(pixels, options) {
      await see(pixels, own, options)
      backend.run(projector, { rows: tokens })
      return backend.read(soft, tokens)
    },
  }
}

type Recorder = (label: string, build: (ops: Ops & VisionOps) => void) => Program

const hasImageOps = (ops: Ops): ops is Ops & VisionOps => 'patches' in ops

/** @returns throws G3Error `vision/backend` where the backend has no ops for images */
const recorder =
  (backend: Backend): Recorder =>
  (label, build) =>
    backend.record(label, (ops) => {
      const { name } = backend.caps
      check(hasImageOps(ops), 'vision/backend', `the backend ${name} has no ops for images: take another one`)
      build(ops)
    })

type Work = ReturnType<typeof allocateWork>

function allocateWork(backend: Backend, config: TowerConfig) {
  const { patchSide, width, ffn, poolSide } = config
  const grid = gridOf(config)
  const rows = grid * grid
  const tokens = rows / poolSide ** 2
  const buffer = (label: string, cols: number) => backend.buffer(`vision ${label}`, rows, cols)
  return {
    grid,
    rows,
    tokens,
    cut: buffer('patches', 3 * patchSide * patchSide),
    x: buffer('x', width),
    h: buffer('h', width),
    q: buffer('q', width),
    k: buffer('k', width),
    v: buffer('v', width),
    attended: buffer('attended', width),
    wide: buffer('wide', ffn),
    pooled: backend.buffer('vision pooled', tokens, width),
  }
}

/** h -> pooled. It needs no weights, so that a backend without ops for images is known before any are loaded. */
const recordPool = (record: Recorder, { poolSide: size }: TowerConfig, { grid, h, pooled }: Work): Program =>
  record('vision pool', (ops) => ops.pool({ x: h, columns: grid, size, out: pooled }))

/** pixels -> x: patches and their positions. */
const recordStart = (
  record: Recorder,
  { imageSide: side, patchSide: patch }: TowerConfig,
  weights: TowerWeights,
  { cut, x }: Work,
): Program =>
  record('vision start', (ops) => {
    ops.patches({ side, patch, out: cut })
    ops.embed({ weight: weights.positions, scale: 1, out: x })
    ops.addLinear({ x: cut, ...weights.patches, out: x })
  })

/** x through a layer. */
function recordLayer(
  record: Recorder,
  { width, heads, eps }: TowerConfig,
  w: TowerLayer,
  { x, h, q, k, v, attended, wide }: Work,
): Program {
  const headDim = width / heads
  return record('vision layer', (ops) => {
    ops.layerNorm({ x, ...w.attentionNorm, eps, out: h })
    ops.linear({ x: h, ...w.q, out: q })
    ops.linear({ x: h, ...w.k, out: k })
    ops.linear({ x: h, ...w.v, out: v })
    ops.attendAll({ q, k, v, headDim, scale: headDim ** -0.5, out: attended })
    ops.addLinear({ x: attended, ...w.attentionOut, out: x })

    ops.layerNorm({ x, ...w.ffnNorm, eps, out: h })
    ops.linear({ x: h, ...w.up, gelu: true, out: wide })
    ops.addLinear({ x: wide, ...w.down, out: x })
  })
}
