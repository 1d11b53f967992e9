import type { Buffer, TrainBackend } from '@g3/backend'
import type { Gemma3Config } from '@g3/runtime'

/** Every buffer of a student but those of its parameters, allocated once. All have the rows of a step, unless said. */
export interface Room {
  /** The residual stream, which layers change in place. */
  readonly x: Buffer
  /** x before each layer: all that is kept of a pass, from which a layer is computed again for its gradients. */
  readonly kept: readonly Buffer[]
  /** x normed, for attention and for the feed-forward layer. */
  readonly h: Buffer
  readonly hFfn: Buffer
  readonly q: Buffer
  readonly k: Buffer
  readonly v: Buffer
  /** q and k before their norms. */
  readonly qRaw: Buffer
  readonly kRaw: Buffer
  readonly attended: Buffer
  /** [rows, heads] */
  readonly sums: Buffer
  readonly shares: Buffer
  readonly y: Buffer
  readonly gate: Buffer
  readonly up: Buffer
  readonly gated: Buffer
  readonly yFfn: Buffer
  readonly thin: Buffer
  /** Gradients of what has the same name. */
  readonly grad: {
    readonly x: Buffer
    readonly h: Buffer
    readonly q: Buffer
    readonly k: Buffer
    readonly v: Buffer
    readonly attended: Buffer
    readonly y: Buffer
    readonly gate: Buffer
    readonly up: Buffer
    readonly gated: Buffer
    readonly thin: Buffer
  }
  /** [rows, 2] which rows each sees, by the kind of layer. */
  readonly spans: { readonly local: Buffer; readonly global: Buffer }
  /** x normed for the head, and its gradient. */
  readonly out: Buffer
  readonly outGrad: Buffer
  readonly head: HeadRoom
}

/** Of the rows that the head takes at a time. */
export interface HeadRoom {
  readonly in: Buffer
  readonly inGrad: Buffer
  readonly logits: Buffer
  /** What the model without adapters gives; made where it is asked for. */
  other(): Buffer
  /** [rows, 1 + 2 · most] */
  readonly targets: Buffer
  readonly losses: Buffer
}

export interface RoomSize {
  readonly rows: number
  readonly headRows: number
  /** Most targets of a row. */
  readonly mostTargets: number
  readonly thinCols: number
}

export function makeRoom(backend: TrainBackend, config: Gemma3Config, size: RoomSize): Room {
  const { width, ffn, heads, kvHeads, headDim, layers, vocab } = config
  const { rows, headRows, mostTargets, thinCols } = size
  const buffer = (label: string, cols: number): Buffer => backend.buffer(label, rows, cols)
  const grad = (label: string, cols: number): Buffer => buffer(`gradient of ${label}`, cols)
  const head = (label: string, cols: number): Buffer => backend.buffer(label, headRows, cols)
  const [q, kv] = [heads * headDim, kvHeads * headDim]
  let other: Buffer | undefined
  return {
    x: buffer('x', width),
    kept: Array.from({ length: layers }, (_, layer) => buffer(`x before layer ${layer}`, width)),
    h: buffer('h', width),
    hFfn: buffer('h of ffn', width),
    q: buffer('q', q),
    k: buffer('k', kv),
    v: buffer('v', kv),
    qRaw: buffer('raw q', q),
    kRaw: buffer('raw k', kv),
    attended: buffer('attended', q),
    sums: buffer('sums', heads),
    shares: buffer('shares', heads),
    y: buffer('y', width),
    gate: buffer('gate', ffn),
    up: buffer('up', ffn),
    gated: buffer('gated', ffn),
    yFfn: buffer('y of ffn', width),
    thin: buffer('thin', thinCols),
    grad: {
      x: grad('x', width),
      h: grad('h', width),
      q: grad('q', q),
      k: grad('k', kv),
      v: grad('v', kv),
      attended: grad('attended', q),
      y: grad('y', width),
      gate: grad('gate', ffn),
      up: grad('up', ffn),
      gated: grad('gated', ffn),
      thin: grad('thin', thinCols),
    },
    spans: { local: buffer('local spans', 2), global: buffer('global spans', 2) },
    out: buffer('out', width),
    outGrad: grad('out', width),
    head: {
      in: head('head', width),
      inGrad: head('gradient of head', width),
      logits: head('logits', vocab),
      other: () => (other ??= head('logits of the base', vocab)),
      targets: head('targets', 1 + 2 * mostTargets),
      losses: head('losses', 2),
    },
  }
}
