import type { Buffer, Ops, VisionOps } from '@g3/backend'

export interface EncodeOptions {
  /** Heard after each layer, or as {@link VisionEncoder.encode} of the encoder says. */
  readonly signal?: AbortSignal | undefined
  /** Layers that are done, of how many. An encoder that does not tell its layers has one. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** Turns views into soft tokens, wherever that happens. */
export interface VisionEncoder {
  /** Names the weights: a saved text with images is taken up beside an encoder of the same name only. */
  readonly name?: string
  /** Soft tokens of a view: 256 at the published size. */
  readonly tokens: number
  /** Values of a soft token: the language model's width. */
  readonly width: number
  /** Pixels of a view's side. */
  readonly side: number
  /**
   * The soft tokens [tokens, width] of one view [3, side, side]. They go into the model as they are, not times
   * sqrt(width) as embeddings of text.
   * @throws G3Error `vision/bad-pixels`, `vision/busy` while another view is encoded, what computes it throws; the
   * signal's reason
   */
  encode(pixels: Float32Array, options?: EncodeOptions): Promise<Float32Array>
}

/** Room in the backend for what an encoder makes of one view: [tokens, columns of its own]. */
export interface Features {
  readonly buffer: Buffer
}

/** An encoder whose results stay in the backend, where each text's program takes them from. */
export interface Tower extends VisionEncoder {
  features(label: string): Features
  /** Encodes a view as {@link VisionEncoder.encode}; returns when the last of the work is enqueued. */
  see(pixels: Float32Array, into: Features, options?: EncodeOptions): Promise<void>
  /** Into a program whose steps have a view's rows: features -> soft tokens, out [rows ≥ tokens, width of the language model] */
  project(ops: Pick<Ops, 'project'> & Partial<VisionOps>, features: Features, out: Buffer): void
}
