import type { Program, TrainBackend } from '@g3/backend'
import { layerKinds, type Gemma3Config, type Gemma3Weights } from '@g3/runtime'
import type { Thin } from './adapted.js'
import { attentionHalf, ffnHalf, layerBack, type AllOps, type LayerParts } from './layer.js'
import type { Room } from './room.js'

export interface ProgramParts {
  readonly backend: TrainBackend
  readonly config: Gemma3Config
  readonly weights: Gemma3Weights
  readonly room: Room
  readonly thin: Thin
}

export interface Programs {
  /** Ids -> x. Images' rows of x are written after it. */
  readonly embed: Program
  /** x -> out, with x before each layer kept. */
  readonly forward: Program
  /** The same without adapters, nothing kept; recorded when it is asked for. */
  base(): Program
  /** The gradient of out -> those of all adapters. Layers are computed again, the last one first. */
  readonly backward: Program
  /** head.in -> losses */
  readonly loss: Program
  /** head.in -> losses and the gradient of head.in */
  readonly lossBack: Program
  /** The same beside the base's logits. */
  leash(): { readonly loss: Program; readonly lossBack: Program }
  /** head.in -> the base's logits */
  baseLogits(): Program
}

export function recordPrograms({ backend, config, weights, room, thin }: ProgramParts): Programs {
  const { x, kept, h, yFfn, out, outGrad, head, grad } = room
  const eps = config.rmsEps
  const kinds = layerKinds(config)
  const layerOf = (layer: number, own: Thin): LayerParts => ({
    config,
    weights: weights.layers[layer],
    room,
    thin: own,
    kind: kinds.find(({ layers }) => layers.includes(layer))?.label ?? 'global',
  })
  const forward = (ops: AllOps, own: Thin, keep: boolean): void => {
    for (const layer of kept.keys()) {
      const parts = layerOf(layer, own)
      if (keep) ops.copy({ x, out: kept[layer] })
      attentionHalf(ops, parts)
      ffnHalf(ops, parts)
      // What is normed for the next layer is computed there, too: so a layer can be computed again by itself.
      ops.addNorm({ x, y: yFfn, post: parts.weights.postFfnNorm, next: parts.weights.attentionNorm, eps, out: h })
    }
    ops.norm({ x, weight: weights.outputNorm, eps, out })
  }
  const loss = (label: string, derive: boolean, other?: Room['x']): Program =>
    backend.record(label, (ops) => {
      ops.project({ x: head.in, weight: weights.embedding, out: head.logits })
      ops.crossEntropy({ logits: head.logits, targets: head.targets, losses: head.losses, ...(other && { other }) })
      if (derive) ops.projectBack({ y: head.logits, weight: weights.embedding, out: head.inGrad })
    })
  return {
    embed: backend.record('embed', (ops) =>
      // As the model's own beginning: sqrt(width) in f32.
      ops.embed({ weight: weights.embedding, scale: Math.fround(Math.sqrt(config.width)), out: x }),
    ),
    forward: backend.record('forward', (ops) => forward(ops, thin, true)),
    base: once(() => backend.record('base', (ops) => forward(ops, { ...thin, pairs: new Map() }, false))),
    backward: backend.record('backward', (ops) => {
      // The forward pass has left x after the last layer.
      ops.normBack({ x, weight: weights.outputNorm, eps, grad: outGrad, out: grad.x })
      for (const layer of [...kept.keys()].reverse()) {
        const parts = layerOf(layer, thin)
        ops.copy({ x: kept[layer], out: x })
        attentionHalf(ops, parts)
        ffnHalf(ops, parts)
        layerBack(ops, parts, kept[layer])
      }
    }),
    loss: loss('loss', false),
    lossBack: loss('loss and gradient', true),
    leash: once(() => ({
      loss: loss('loss, leashed', false, head.other()),
      lossBack: loss('loss and gradient, leashed', true, head.other()),
    })),
    baseLogits: once(() =>
      backend.record('logits of the base', (ops) =>
        ops.project({ x: head.in, weight: weights.embedding, out: head.other() }),
      ),
    ),
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
