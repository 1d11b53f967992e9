import { checkCacheSpec } from '../checked.js'
import { PAGE, type Buffer, type CacheSpec, type CacheStore, type PackedTensor, type Weight } from '../contract.js'
import { dequantize } from '../dequant.js'
import { check, G3Error } from '../errors.js'
import { BLOCKS, rowBytes } from '../quant.js'
import type { LayerCache, Matrix } from './matrix.js'

/** Packed bytes read at a time while loading. */
const READ_BYTES = 1 << 22

/** Everything a reference backend owns. Handles are looked up by identity: those of another backend are strangers. */
export interface Memory {
  load(tensor: PackedTensor, signal?: AbortSignal): Promise<Weight>
  buffer(label: string, rows: number, cols: number): Buffer
  cache(spec: CacheSpec): CacheStore
  /** @throws G3Error `backend/foreign` */
  matrix(handle: Weight | Buffer): Matrix
  /** @throws G3Error `backend/foreign` */
  layers(handle: CacheStore): readonly LayerCache[]
  /** Gives a weight up. */
  drop(weight: Weight): void
  /** @throws G3Error `backend/disposed` */
  checkOpen(): void
  free(): void
}

export function memory(): Memory {
  const matrices = new Map<Weight | Buffer, Matrix>()
  const caches = new Map<CacheStore, readonly LayerCache[]>()
  let open = true

  const self: Memory = {
    async load(tensor, signal) {
      self.checkOpen()
      const { name, type, rows, cols } = tensor
      checkSize(name, rows, cols)
      const { blockWeights } = BLOCKS[type]
      check(
        cols % blockWeights === 0,
        'backend/shape',
        `${name}: ${cols} columns are no whole ${type} blocks of ${blockWeights}`,
      )
      const matrix = allocate(name, rows, cols)
      await readRows(tensor, matrix, signal)
      self.checkOpen()
      const weight: Weight = { name, rows, cols }
      matrices.set(weight, matrix)
      return weight
    },
    buffer(label, rows, cols) {
      self.checkOpen()
      checkSize(label, rows, cols)
      const buffer: Buffer = { label, rows, cols }
      matrices.set(buffer, allocate(label, rows, cols))
      return buffer
    },
    cache(spec) {
      self.checkOpen()
      checkCacheSpec(spec)
      const { label, layers, pages, kvHeads, headDim, type } = spec
      const plane = (): Matrix => allocate(label, pages * PAGE, kvHeads * headDim)
      const store: CacheStore = {
        spec,
        index: caches.size,
        pageBytes: 2 * layers * PAGE * kvHeads * headDim * Float32Array.BYTES_PER_ELEMENT,
        layout: `reference ${type} ${layers}x${kvHeads}x${headDim}`,
      }
      caches.set(
        store,
        Array.from({ length: layers }, () => ({ keys: plane(), values: plane() })),
      )
      return store
    },
    matrix(handle) {
      self.checkOpen()
      return matrices.get(handle) ?? foreign('label' in handle ? handle.label : handle.name)
    },
    layers(handle) {
      self.checkOpen()
      return caches.get(handle) ?? foreign(handle.spec.label)
    },
    drop: (weight) => void matrices.delete(weight),
    checkOpen() {
      check(open, 'backend/disposed', 'this backend was disposed; make a new one')
    },
    free() {
      open = false
      matrices.clear()
      caches.clear()
    },
  }
  return self
}

/** Reads and dequantises a tensor some rows at a time, so that the packed bytes are never held whole. */
async function readRows(tensor: PackedTensor, matrix: Matrix, signal: AbortSignal | undefined): Promise<void> {
  const { type, rows, cols } = tensor
  const bytes = rowBytes(type, cols)
  const rowsAtOnce = Math.max(1, Math.floor(READ_BYTES / bytes))
  const packed = new Uint8Array(Math.min(rows, rowsAtOnce) * bytes)
  for (let row = 0; row < rows; row += rowsAtOnce) {
    signal?.throwIfAborted()
    const count = Math.min(rowsAtOnce, rows - row)
    const part = packed.subarray(0, count * bytes)
    await tensor.read(row * bytes, part, signal)
    dequantize(type, part, matrix.values.subarray(row * cols, (row + count) * cols))
  }
}

function allocate(label: string, rows: number, cols: number): Matrix {
  try {
    return { rows, cols, values: new Float32Array(rows * cols) }
  } catch (cause) {
    throw new G3Error('backend/out-of-memory', `${label}: no memory for ${rows * cols * 4} bytes`, { cause })
  }
}

function checkSize(label: string, rows: number, cols: number): void {
  const whole = Number.isSafeInteger(rows * cols) && Number.isInteger(rows) && rows > 0 && cols > 0
  check(whole, 'backend/shape', `${label}: ${rows} x ${cols} is no size; both must be positive integers`)
}

function foreign(name: string): never {
  throw new G3Error(
    'backend/foreign',
    `${name} was not made by this backend; load and allocate with the backend that runs it`,
  )
}
