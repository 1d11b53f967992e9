import { readGguf, isPackedStrings, type Gguf, type GgufValue } from '@g3/runtime/gguf'
import { onInterrupt } from '../interrupt.js'
import { findModel, openModelFile } from '../loading.js'
import { print, printJson } from '../output.js'
import { table } from '../table.js'

/** Array elements that are shown; the vocabulary has 262,144. */
const SHOWN = 6
/** Characters of a string that are shown to people. */
const LONGEST = 100

/** `g3 inspect [MODEL]`: what a GGUF file says of itself. Reads no more than its header. */
export async function inspect(
  argument: string | undefined,
  options: { readonly model?: string; readonly json?: true },
): Promise<void> {
  using interrupt = onInterrupt()
  const { path } = await findModel(argument ?? options.model, interrupt.signal)
  const source = await openModelFile(path)
  try {
    const description = describe(await readGguf(source, { signal: interrupt.signal }), path)
    await (options.json ? printJson(description) : print(page(description)))
  } finally {
    await source.close?.()
  }
}

interface TensorLine {
  readonly name: string
  readonly type: string
  readonly shape: readonly number[]
  /** Undefined for types that nobody here knows. */
  readonly bytes: number | undefined
}

interface Description {
  readonly path: string
  readonly bytes: number
  readonly version: number
  readonly alignment: number
  readonly metadata: Readonly<Record<string, unknown>>
  readonly tensors: readonly TensorLine[]
  readonly types: Readonly<
    Record<string, { readonly tensors: number; readonly bytes: number; readonly weights: number }>
  >
  readonly weights: number
}

function describe(gguf: Gguf, path: string): Description {
  const tensors = [...gguf.tensors.values(), ...gguf.unsupported.values()]
    .sort((a, b) => a.offset - b.offset)
    .map(({ name, type, shape, byteLength }) => ({ name, type, shape, bytes: byteLength }))
  const types: Record<string, { tensors: number; bytes: number; weights: number }> = {}
  let weights = 0
  for (const { type, shape, bytes } of tensors) {
    const count = shape.reduce((product, size) => product * size, 1)
    const sum = (types[type] ??= { tensors: 0, bytes: 0, weights: 0 })
    sum.tensors++
    sum.bytes += bytes ?? 0
    sum.weights += count
    weights += count
  }
  return {
    path,
    bytes: gguf.source.size,
    version: gguf.version,
    alignment: gguf.alignment,
    metadata: Object.fromEntries([...gguf.metadata].map(([key, value]) => [key, plain(value)])),
    tensors,
    types,
    weights,
  }
}

/** A value as JSON holds it; long arrays by their length and first elements, numbers past 2^53 as text. */
function plain(value: GgufValue): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object') return value
  if (isPackedStrings(value)) {
    const { bytes, starts, lengths } = value
    const text = (i: number): string => new TextDecoder().decode(bytes.subarray(starts[i], starts[i] + lengths[i]))
    return shorten(lengths.length, text)
  }
  return shorten(value.length, (i) => plain(value[i]))
}

function shorten(length: number, element: (i: number) => unknown): unknown {
  const first = Array.from({ length: Math.min(length, SHOWN) }, (_, i) => element(i))
  return length <= SHOWN ? first : { length, first }
}

function page({ path, bytes, version, alignment, metadata, tensors, types, weights }: Description): string {
  const header = [
    `${path}\nGGUF version ${version}, ${size(bytes)}`,
    `${millions(weights)} weights in ${tensors.length} tensors`,
    `aligned to ${alignment} bytes\n`,
  ].join(', ')
  const keys = Object.entries(metadata).map(([key, value]) => [key, clip(JSON.stringify(value))])
  const kinds = Object.entries(types).map(([type, sum]) => [
    type,
    String(sum.tensors),
    millions(sum.weights),
    size(sum.bytes),
  ])
  const rows = tensors.map(({ name, type, shape, bytes }) => [
    name,
    type,
    shape.join(' x '),
    bytes === undefined ? '?' : size(bytes),
  ])
  return [
    header,
    table(['key', 'value'], keys),
    table(['type', 'tensors', 'weights', 'size'], kinds, [1, 2, 3]),
    table(['tensor', 'type', 'shape', 'size'], rows, [3]),
  ].join('\n')
}

const clip = (text: string): string => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`)

const millions = (count: number): string => `${(count / 1e6).toFixed(2)} M`

function size(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
