import type { LogitEdits } from './logit-ops.js'
import type { QuantType } from './quant.js'

/**
 * A tensor as a file holds it: `rows` output features of `cols` input features, packed row after row in `type`'s
 * blocks. A vector (a norm's weight) has one row. Nothing is read before {@link PackedTensor.read} is called.
 */
export interface PackedTensor {
  readonly name: string
  readonly type: QuantType
  readonly rows: number
  readonly cols: number
  /** Copies `into.byteLength` packed bytes, starting at `offset` within this tensor, into `into`. */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>
}

/** A tensor repacked into a backend's own layout. Opaque: only the backend that made it can use it. */
export interface Weight {
  readonly name: string
  readonly rows: number
  readonly cols: number
}

/** Activations [rows, cols], f32 in meaning (a backend may keep them otherwise), named and allocated once. */
export interface Buffer {
  readonly label: string
  readonly rows: number
  readonly cols: number
}

/**
 * How a cache holds numbers: `f32`; `f16`, or 16 bits that are as exact in another way; `q8_0`, levels of 8 bits with an
 * f16 scale for each 32 (d = max|x| / 127, rounded to the nearest level, halves away from zero; ggml's).
 */
export const CACHE_TYPES = ['f32', 'f16', 'q8_0'] as const
export type CacheType = (typeof CACHE_TYPES)[number]

/** Slots of a page. */
export const PAGE = 128

/**
 * Keys and values of some layers, all of one size, in pages: page n has the slots [n · PAGE, (n + 1) · PAGE) of every
 * layer. Which text's positions lie in which page is the caller's business.
 */
export interface CacheSpec {
  readonly label: string
  readonly layers: number
  readonly pages: number
  /** Most entries that the page tables of one step have together. */
  readonly tableEntries: number
  readonly kvHeads: number
  readonly headDim: number
  readonly type: CacheType
}

export interface CacheStore {
  readonly spec: CacheSpec
  /** Place of this cache's view in {@link Step.views}. */
  readonly index: number
  /** Bytes of a page, of all layers, as {@link Backend.readPage} gives them. */
  readonly pageBytes: number
  /** Names the form of these bytes. A page can be written wherever `layout` is the same, in another process too. */
  readonly layout: string
}

/** Where the rows of one step live in one cache. */
export interface CacheView {
  /** [rows] the slot that receives each row's key and value. */
  readonly slots: Int32Array
  /** [rows, 2] the positions from, to (exclusive) that each row sees; at least one. */
  readonly spans: Int32Array
  /**
   * [rows] where in `pages` each row's page table begins: position p lies in page `pages[tables[r] + ⌊p / PAGE⌋]`, at
   * p mod PAGE. Negative where a table lists only later pages.
   */
  readonly tables: Int32Array
  /** [entries] the page tables of the step's texts. */
  readonly pages: Int32Array
  /** Entries of `pages` that mean something. */
  readonly entries: number
}

/** What changes from one run of a program to the next. */
export interface Step {
  /** Rows in this step, at most what the program's buffers hold. */
  readonly rows: number
  /** [rows] token ids, for programs that embed. */
  readonly ids?: Int32Array
  /** [rows] absolute positions, for RoPE. */
  readonly positions?: Int32Array
  /** [rows, 4] how each row's token is drawn, as `packDraw` writes it. */
  readonly draws?: Int32Array
  /** What {@link LogitOps.edit} changes. */
  readonly edits?: LogitEdits
  /** One view for each cache, by {@link CacheStore.index}. */
  readonly views?: readonly CacheView[]
  /** First row of `x` that {@link Ops.logits} and {@link Ops.top} read (default 0). */
  readonly from?: number
  /** [3, side, side] of an image, for programs that cut it into patches. */
  readonly pixels?: Float32Array
}

/** A matrix and the buffer that receives its product. */
export interface Product {
  readonly weight: Weight
  readonly out: Buffer
}

/** The pair (j, j + headDim/2) turns by position · base^(−2j/headDim) / scaling. */
export interface RopeScaling {
  readonly base: number
  readonly scaling: number
}

/** Most logits that {@link Ops.top} ranks. */
export const MOST_RANKED = 64

/**
 * The op vocabulary. Each verb writes only to buffers that its caller names; formulas are row-wise unless said.
 * `rms(x)` = x / sqrt(mean(x²) + eps). Norm weights multiply as stored (GGUF stores 1 + w).
 * The executable specification is `reference.ts`.
 */
export interface Ops {
  /**
   * out[r] = weight[ids[r]] · scale. The ids are the step's; with `ids` [rows, ·] they are what {@link top} or {@link draw}
   * wrote to its first column, so that a token can be read before anybody knows it. −1, which is no id, counts as 0.
   */
  embed(args: { weight: Weight; scale: number; out: Buffer; ids?: Buffer }): void
  /** out = rms(x) · weight */
  norm(args: { x: Buffer; weight: Weight; eps: number; out: Buffer }): void
  /** q.out = x · q.weightᵀ, and so for k and v. x [rows, cols] */
  qkv(args: { x: Buffer; q: Product; k: Product; v: Product }): void
  /**
   * For each head of q [rows, heads · headDim] and k [rows, kvHeads · headDim], in place: rms over the head, times its
   * norm weight, then rotation of the pairs (j, j + headDim/2) by the angle position · base^(−2j/headDim) / scaling.
   */
  qkNormRope(args: {
    q: Buffer
    k: Buffer
    qNorm: Weight
    kNorm: Weight
    headDim: number
    eps: number
    rope: RopeScaling
  }): void
  /** cache[layer].key[slots[r]] = k[r]; likewise for v. k, v [rows, kvHeads · headDim] */
  store(args: { k: Buffer; v: Buffer; cache: CacheStore; layer: number }): void
  /**
   * out[r, h] = Σ_p softmax_p(scale · q[r, h] · key[p, h′]) · value[p, h′] over the positions that row r sees,
   * h′ = ⌊h · kvHeads / heads⌋. q, out [rows, heads · headDim]. In which pages they lie does not show in the bits.
   */
  attend(args: { q: Buffer; cache: CacheStore; layer: number; scale: number; out: Buffer }): void
  /**
   * Takes keys some positions back: cache[layer].key[slots[r]] is rotated by minus the angle that {@link qkNormRope}
   * gives positions[r], which is a distance here. k [rows, kvHeads · headDim] is room to work in.
   */
  rerotate(args: { k: Buffer; cache: CacheStore; layer: number; rope: RopeScaling }): void
  /** out = x · weightᵀ */
  project(args: { x: Buffer } & Product): void
  /** x += rms(y) · post; out = rms(x) · next */
  addNorm(args: { x: Buffer; y: Buffer; post: Weight; next: Weight; eps: number; out: Buffer }): void
  /** out = gelu(x · gateᵀ) ⊙ (x · upᵀ), gelu in its tanh form */
  gatedUp(args: { x: Buffer; gate: Weight; up: Weight; out: Buffer }): void
  /** out[r] = x[from + r] · weightᵀ, with `from` of the step */
  logits(args: { x: Buffer } & Product): void
  /**
   * The `count` largest of the logits x[from + r] · weight[i], i < limit, that {@link logits} would give, to the bit:
   * the largest first, the lowest i on ties. out [rows, 2 · count]: their i, then themselves. NaN and −Infinity never
   * rank; places that this leaves over hold i −1 and −Infinity. `count` is 1 to {@link MOST_RANKED} and at most
   * `limit`, which is at most 2^24: an f32 holds every i.
   */
  top(args: { x: Buffer; weight: Weight; limit: number; count: number; out: Buffer }): void
  /**
   * out[r] = the id that the step's draw of row r takes from ranked[r], which {@link top} wrote: by whole numbers, so the
   * same on every backend, see `draw.ts`. −1 where nothing is ranked. ranked [rows, 2 · count], out [rows, 1]
   */
  draw(args: { ranked: Buffer; out: Buffer }): void
}

/** A recorded sequence of ops. */
export interface Program {
  readonly label: string
}

/** What a backend found on this machine, for people and for choosing. */
export interface Caps {
  /** Backend's name, e.g. `cpu`. */
  readonly name: string
  /** The variant in use and why, in words, e.g. `wasm relaxed-simd, 2 threads`. */
  readonly description: string
  readonly threads: number
  /** How caches best hold keys and values here, where nobody asks for a type: as exactly as it computes. */
  readonly cacheType: CacheType
  /**
   * Whether it pays to hand over a token's work before the token before it is known, see {@link Ops.embed}'s `ids`. Then a
   * read gives what its buffer held when it was asked for, whatever is enqueued meanwhile.
   */
  readonly runsAhead: boolean
  /** Whether it has {@link LogitOps}. */
  readonly logitOps: boolean
  /** What the ranks of {@link LoraOps} are multiples of, zeros filling them up; 0 where it has none of these ops. */
  readonly rankStep: number
  /** Whether it has {@link TrainOps}. */
  readonly trains?: true
}

/** How lost hardware comes back. */
export interface Recovery {
  /**
   * Makes everything anew: weights are read from their tensors again and programs recorded again; buffers and caches hold
   * zeros. What was given out stays valid. Who calls while this is under way waits for it.
   * @returns whether anything was lost
   * @throws G3Error what making it anew throws; `backend/lost` when it is lost again and again
   */
  recover(): Promise<boolean>
  /**
   * Calls `listener` each time that everything was made anew, before those who wait for it go on.
   * @returns ends that
   */
  onRecovered(listener: () => void): () => void
}

/** Hardware behind the model. A factory (`cpu()`, `webgpu()`, `reference()`) makes one; it owns everything it made. */
export interface Backend extends AsyncDisposable {
  readonly caps: Caps
  /**
   * Repacks a tensor once into this backend's layout.
   * @throws G3Error `backend/shape` when a shape cannot be held, `backend/out-of-memory` with the bytes that are
   * missing.
   */
  load(tensor: PackedTensor, signal?: AbortSignal): Promise<Weight>
  /** Activations that hold zeros until a program writes them. */
  buffer(label: string, rows: number, cols: number): Buffer
  cache(spec: CacheSpec): CacheStore
  /** Records a program; the ops run when it does. */
  record(label: string, build: (ops: Ops) => void): Program
  /** Enqueues a program. Returns at once; steps run in order. */
  run(program: Program, step: Step): void
  /**
   * Waits for all that is enqueued and copies rows [0, rows) of a buffer into `into` (or a new array).
   * An error of an earlier `run` is thrown here, as it is by the other waits, {@link readPage} and {@link writePage}.
   */
  read(buffer: Buffer, rows: number, into?: Float32Array): Promise<Float32Array>
  /**
   * Waits for all that is enqueued and puts values [rows, cols] made elsewhere into the first rows of a buffer.
   * @throws G3Error `backend/shape` for values that are no whole rows, or too many
   */
  write(buffer: Buffer, values: Float32Array): Promise<void>
  /**
   * Enqueues: page `to` becomes a copy of page `from` in all layers, or zeros.
   * @throws G3Error `backend/page`, `backend/foreign`
   */
  copyPage(cache: CacheStore, from: number | undefined, to: number): void
  /**
   * Waits for all that is enqueued and copies a page's keys and values, in a form of the backend's own.
   * @param into receives them, [pageBytes]; a new array by default
   * @throws G3Error `backend/page`, `backend/foreign`
   */
  readPage(cache: CacheStore, page: number, into?: Uint8Array): Promise<Uint8Array>
  /**
   * Waits for all that is enqueued and replaces a page by what {@link readPage} gave, for a cache of the same `layout`.
   * @throws G3Error `backend/page`, `backend/foreign`
   */
  writePage(cache: CacheStore, page: number, bytes: Uint8Array): Promise<void>
  /** Where the hardware can be lost, which an error `backend/lost` tells. */
  readonly recovery?: Recovery
  /** Frees everything. Twice is fine; use afterwards throws `backend/disposed`. */
  dispose(): Promise<void>
}
