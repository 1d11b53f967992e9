import { check, dequantizer, STORED_BLOCKS, toHalf, type PackedTensor, type StoredTensor } from '@g3/backend'
import { configFromGguf, quantised, readAdapter, type AdapterPair } from '@g3/runtime'
import { byteWriter, type Gguf } from '@g3/runtime/gguf'

export interface MergeOptions {
  /** What the adapter counts: 1 as it was trained (default). */
  readonly scale?: number
  /** How the matrices that it changes are stored. Default `F16`; all others stay as they are. */
  readonly type?: 'F16' | 'Q8_0'
  readonly signal?: AbortSignal | undefined
  /** Bytes that were made, of how many. */
  readonly onProgress?: (done: number, total: number) => void
}

/** The adapter of the embedding changes what is read, not the output matrix, which is the same tensor. */
const EMBEDDING = 'token_embd.weight'

/** Bytes that are made at a time. */
const PIECE = 4 << 20

/**
 * The GGUF file of a model with an adapter merged into its matrices: W + scale · B · A. All keys are copied as they are. The file comes
 * in pieces, which are valid until the next is asked for.
 * @throws G3Error `lora/…` as {@link readAdapter}, `distill/cannot-merge` for an adapter of the embedding, `quantise/…`, what the files throw
 */
export async function* merged(
  model: Gguf,
  adapter: Gguf,
  options: MergeOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { scale = 1, type = 'F16', signal, onProgress } = options
  check(Number.isFinite(scale), 'distill/bad-option', () => `scale is ${scale}; it must be a finite number`)
  const { pairs, alpha } = readAdapter(adapter, configFromGguf(model))
  check(
    !pairs.has(EMBEDDING),
    'distill/cannot-merge',
    'the adapter changes how tokens are read, and not the output matrix, which is the same tensor: use it beside the model',
  )
  const parts: Part[] = []
  for (const tensor of model.tensors.values()) {
    const pair = pairs.get(tensor.name)
    parts.push(
      pair ? changed(tensor, pair, scale * (alpha === 0 ? 1 : alpha / pair.rank), type) : stored(tensor, tensor.shape),
    )
  }
  const total = parts.reduce((sum, { byteLength }) => sum + padded(byteLength, model.alignment), 0)
  yield await header(model, parts, signal)
  let done = 0
  for (const part of parts) {
    for (let at = 0; at < part.byteLength;) {
      signal?.throwIfAborted()
      const piece = new Uint8Array(
        Math.min(part.byteLength - at, Math.max(1, Math.floor(PIECE / part.unit)) * part.unit),
      )
      await part.read(at, piece, signal)
      yield piece
      at += piece.byteLength
      onProgress?.((done += piece.byteLength), total)
    }
    yield new Uint8Array(padded(part.byteLength, model.alignment) - part.byteLength)
  }
}

/** A tensor of the new file. */
interface Part {
  readonly name: string
  readonly shape: readonly number[]
  /** ggml's number. */
  readonly type: number
  readonly byteLength: number
  /** Bytes of a row: pieces are whole rows. */
  readonly unit: number
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>
}

const padded = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment

function stored(tensor: StoredTensor | PackedTensor, shape: readonly number[]): Part {
  const { id, blockWeights, blockBytes } = STORED_BLOCKS[tensor.type]
  const unit = (tensor.cols / blockWeights) * blockBytes
  return { name: tensor.name, shape, type: id, byteLength: tensor.rows * unit, unit, read: tensor.read.bind(tensor) }
}

/** A matrix with the adapter's product added, row after row. */
function changed(
  tensor: StoredTensor & { shape: readonly number[] },
  pair: AdapterPair,
  scale: number,
  type: 'F16' | 'Q8_0',
): Part {
  const { name, rows, cols, shape } = tensor
  const base = stored(tensor, shape)
  const decode = dequantizer(tensor.type)
  let thin: Promise<readonly [Float32Array, Float32Array]> | undefined
  const valuesOf = async (first: number, count: number, signal?: AbortSignal): Promise<Float32Array> => {
    const [a, b] = await (thin ??= Promise.all([floatsOf(pair.a), floatsOf(pair.b)]))
    const packed = new Uint8Array(count * base.unit)
    await base.read(first * base.unit, packed, signal)
    const values = new Float32Array(count * cols)
    decode(packed, values)
    for (let r = 0; r < count; r++) {
      for (let n = 0; n < pair.rank; n++) {
        const factor = scale * b[(first + r) * pair.rank + n]
        for (let c = 0; c < cols; c++) values[r * cols + c] += factor * a[n * cols + c]
      }
    }
    return values
  }
  const exact: StoredTensor = {
    name,
    type: 'F32',
    rows,
    cols,
    async read(offset, into, signal) {
      const values = await valuesOf(offset / (4 * cols), into.byteLength / (4 * cols), signal)
      into.set(new Uint8Array(values.buffer))
    },
  }
  if (type === 'Q8_0') return stored(quantised(exact, 'Q8_0'), shape)
  const unit = 2 * cols
  return {
    ...{ name, shape, unit, type: STORED_BLOCKS.F16.id, byteLength: rows * unit },
    async read(offset, into, signal) {
      const values = await valuesOf(offset / unit, into.byteLength / unit, signal)
      into.set(new Uint8Array(Uint16Array.from(values, toHalf).buffer))
    },
  }
}

async function floatsOf(tensor: PackedTensor): Promise<Float32Array> {
  const { unit } = stored(tensor, [])
  const packed = new Uint8Array(tensor.rows * unit)
  await tensor.read(0, packed)
  const values = new Float32Array(tensor.rows * tensor.cols)
  dequantizer(tensor.type)(packed, values)
  return values
}

/** Keys as they were, and where the tensors will be. */
async function header(
  { keys, source, alignment }: Gguf,
  parts: readonly Part[],
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const copied = new Uint8Array(keys.byteLength)
  await source.read(keys.offset, copied, signal)
  const out = byteWriter()
  out.raw(new TextEncoder().encode('GGUF'))
  out.u32(3)
  out.u64(parts.length)
  out.u64(keys.count)
  out.raw(copied)
  let place = 0
  for (const { name, shape, type, byteLength } of parts) {
    out.text(name)
    out.u32(shape.length)
    for (const extent of shape) out.u64(extent)
    out.u32(type)
    out.u64(place)
    place += padded(byteLength, alignment)
  }
  out.pad(alignment)
  return out.bytes()
}
