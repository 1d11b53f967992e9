import type { LoraOps, Ops, RopeScaling, TrainOps } from '@g3/backend'
import type { Gemma3Config, LayerWeights } from '@g3/runtime'
import { adapted, adaptedBack, type Thin } from './adapted.js'
import type { Room } from './room.js'

export type AllOps = Ops & LoraOps & TrainOps

export interface LayerParts {
  readonly config: Gemma3Config
  readonly weights: LayerWeights
  readonly room: Room
  readonly thin: Thin
  readonly kind: 'local' | 'global'
}

const ropeOf = ({ config, kind }: LayerParts): RopeScaling => config.rope[kind]

/** x before the layer -> x before its feed-forward half; leaves all that the gradients of this half need. */
export function attentionHalf(ops: AllOps, parts: LayerParts): void {
  const { config, weights: w, room, thin, kind } = parts
  const { headDim, attentionScale: scale, rmsEps: eps } = config
  const { x, h, hFfn, q, k, v, qRaw, kRaw, attended, sums, y } = room
  ops.norm({ x, weight: w.attentionNorm, eps, out: h })
  adapted(ops, thin, h, w.q, qRaw)
  adapted(ops, thin, h, w.k, kRaw)
  adapted(ops, thin, h, w.v, v)
  ops.copy({ x: qRaw, out: q })
  ops.copy({ x: kRaw, out: k })
  ops.qkNormRope({ q, k, qNorm: w.qNorm, kNorm: w.kNorm, headDim, eps, rope: ropeOf(parts) })
  ops.attendRows({ q, k, v, spans: room.spans[kind], headDim, scale, sums, out: attended })
  adapted(ops, thin, attended, w.attentionOut, y)
  ops.addNorm({ x, y, post: w.postAttentionNorm, next: w.ffnNorm, eps, out: hFfn })
}

/** The feed-forward half up to what is normed and added to x. */
export function ffnHalf(ops: AllOps, { weights: w, room, thin }: LayerParts): void {
  const { hFfn, gate, up, gated, yFfn } = room
  adapted(ops, thin, hFfn, w.gate, gate)
  adapted(ops, thin, hFfn, w.up, up)
  ops.copy({ x: gate, out: gated })
  ops.gate({ up, out: gated })
  adapted(ops, thin, gated, w.down, yFfn)
}

/**
 * From the gradient of x after the layer to that of x before it, in place; those of the adapters are added to. The room holds what
 * {@link attentionHalf} and {@link ffnHalf} have left in it, `before` x before the layer.
 */
export function layerBack(ops: AllOps, parts: LayerParts, before: Room['x']): void {
  const { config, weights: w, room, thin, kind } = parts
  const { headDim, attentionScale: scale, rmsEps: eps } = config
  const { x, h, hFfn, q, k, v, qRaw, kRaw, attended, sums, shares, y, gate, up, gated, yFfn, grad } = room
  const rope = ropeOf(parts)

  ops.normBack({ x: yFfn, weight: w.postFfnNorm, eps, grad: grad.x, out: grad.y })
  adaptedBack(ops, thin, { x: gated, weight: w.down, grad: grad.y, out: grad.gated, add: false })
  ops.gateBack({ gate, up, grad: grad.gated, gateGrad: grad.gate, upGrad: grad.up })
  adaptedBack(ops, thin, { x: hFfn, weight: w.gate, grad: grad.gate, out: grad.h, add: false })
  adaptedBack(ops, thin, { x: hFfn, weight: w.up, grad: grad.up, out: grad.h, add: true })
  ops.normBack({ x, weight: w.ffnNorm, eps, grad: grad.h, add: true, out: grad.x })

  ops.normBack({ x: y, weight: w.postAttentionNorm, eps, grad: grad.x, out: grad.y })
  adaptedBack(ops, thin, { x: attended, weight: w.attentionOut, grad: grad.y, out: grad.attended, add: false })
  const rows = { q, k, v, spans: room.spans[kind], headDim, scale, sums, out: attended }
  ops.attendRowsBack({ ...rows, shares, grad: grad.attended, qGrad: grad.q, kGrad: grad.k, vGrad: grad.v })
  ops.normRopeBack({ x: qRaw, weight: w.qNorm, headDim, eps, rope, grad: grad.q })
  ops.normRopeBack({ x: kRaw, weight: w.kNorm, headDim, eps, rope, grad: grad.k })
  adaptedBack(ops, thin, { x: h, weight: w.q, grad: grad.q, out: grad.h, add: false })
  adaptedBack(ops, thin, { x: h, weight: w.k, grad: grad.k, out: grad.h, add: true })
  adaptedBack(ops, thin, { x: h, weight: w.v, grad: grad.v, out: grad.h, add: true })
  ops.normBack({ x: before, weight: w.attentionNorm, eps, grad: grad.h, add: true, out: grad.x })
}
