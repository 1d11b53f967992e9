/** A tensor to put into a file. */
export interface TensorToStore {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** A header length, a header and data, as they are given: right or wrong. */
export function rawSafetensors(header: string | Uint8Array, data = new Uint8Array(0), length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const bytes = new Uint8Array(8 + text.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(data, 8 + text.length)
  return bytes
}

/** A sound file of these tensors, in order. */
export function writeSafetensors(
  tensors: readonly TensorToStore[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {}
  const data = new Uint8Array(tensors.reduce((sum, { bytes }) => sum + bytes.length, 0))
  let at = 0
  for (const { name, dtype, shape, bytes } of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] }
    data.set(bytes, at)
    at += bytes.length
  }
  return rawSafetensors(JSON.stringify(header), data)
}
