import { check, type Backend, type Ops, type PackedTensor, type Program, type VisionOps } from '@g3/backend'
import type { Features, Tower } from '../encoder.js'
import { gridOf, type TowerConfig } from './config.js'
import { towerBuffers } from './tensors.js'
import { loadTowerWeights, type TowerLayer, type TowerWeights } from './weights.js'

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

  /** What norms the pooled patches into features. */
  const norms = new WeakMap<Features, Program>()
  const features = (label: string): Features => {
    const made = { buffer: backend.buffer(label, tokens, width) }
    const { buffer: out } = made
    norms.set(
      made,
      backend.record(label, (ops) => ops.norm({ x: work.pooled, weight: weights.softNorm, eps, out })),
    )
    return made
  }
  const project: Tower['project'] = (ops, { buffer }, out) =>
    ops.project({ x: buffer, weight: weights.projection, out })

  const own = features('vision normed')
  const projector = backend.record('vision projector', (ops) => project(ops, own, work.soft))

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
    const norm = norms.get(into)
    check(norm !== undefined, 'backend/foreign', 'these features were made by another encoder')
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
      backend.run(norm, { rows: tokens })
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
      return backend.read(work.soft, tokens)
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
  const sizes = towerBuffers(config)
  const buffer = (name: keyof typeof sizes) => backend.buffer(`vision ${name}`, sizes[name].rows, sizes[name].cols)
  return {
    grid: gridOf(config),
    rows: sizes.x.rows,
    tokens: sizes.pooled.rows,
    cut: buffer('cut'),
    x: buffer('x'),
    h: buffer('h'),
    q: buffer('q'),
    k: buffer('k'),
    v: buffer('v'),
    wide: buffer('wide'),
    pooled: buffer('pooled'),
    soft: buffer('soft'),
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
  { x, h, q, k, v, wide }: Work,
): Program {
  const headDim = width / heads
  return record('vision layer', (ops) => {
    ops.layerNorm({ x, ...w.attentionNorm, eps, out: h })
    ops.linear({ x: h, ...w.q, out: q })
    ops.linear({ x: h, ...w.k, out: k })
    ops.linear({ x: h, ...w.v, out: v })
    ops.attendAll({ q, k, v, headDim, scale: headDim ** -0.5, out: h })
    ops.addLinear({ x: h, ...w.attentionOut, out: x })

    ops.layerNorm({ x, ...w.ffnNorm, eps, out: h })
    ops.linear({ x: h, ...w.up, gelu: true, out: wide })
    ops.addLinear({ x: wide, ...w.down, out: x })
  })
}
