// An ONNX model of one MatMulNBits, written out: four messages of protobuf, with the field numbers of onnx.proto.

const utf8 = new TextEncoder()

/** @param {number} value */
function varint(value) {
  const bytes = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return [...bytes, value]
}

/** @param {number} number @param {number} value */
const integer = (number, value) => Uint8Array.from([...varint(number * 8), ...varint(value)])

/** @param {number} number @param {string | Uint8Array | Uint8Array[]} value a text, bytes, or the fields of a message */
function field(number, value) {
  const bytes = typeof value === 'string' ? utf8.encode(value) : Array.isArray(value) ? join(value) : value
  return join([Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes])
}

/** @param {Uint8Array[]} parts */
function join(parts) {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const [FLOAT, UINT8, INT] = [1, 2, 2]

/** @param {string} name @param {number} type @param {number[]} dims @param {Uint8Array} bytes */
const tensor = (name, type, dims, bytes) =>
  field(5, [...dims.map((dim) => integer(1, dim)), integer(2, type), field(8, name), field(9, bytes)])

/** @param {number} number @param {string} name @param {number[]} dims */
const value = (number, name, dims) =>
  field(number, [
    field(1, name),
    field(2, [
      field(1, [
        integer(1, FLOAT),
        field(
          2,
          dims.map((dim) => field(1, [integer(1, dim)])),
        ),
      ]),
    ]),
  ])

/**
 * y [rows, outs] = x [rows, cols] · weightᵀ, the weight in blocks of 32 with an f32 scale each.
 * @param {{ rows: number, cols: number, outs: number, bits: number, accuracy: number, levels: Uint8Array, scales: Float32Array }} shape
 *   levels: `bits` each, unsigned, 2^(bits - 1) stands for 0; accuracy 4 lets activations be int8, 0 says nothing
 */
export function matMulNBits({ rows, cols, outs, bits, accuracy, levels, scales }) {
  const attributes = { K: cols, N: outs, bits, block_size: 32, accuracy_level: accuracy }
  const node = [
    ...['x', 'levels', 'scales'].map((name) => field(1, name)),
    field(2, 'y'),
    field(4, 'MatMulNBits'),
    ...Object.entries(attributes).map(([name, number]) =>
      field(5, [field(1, name), integer(3, number), integer(20, INT)]),
    ),
    field(7, 'com.microsoft'),
  ]
  const graph = [
    field(1, node),
    field(2, 'product'),
    tensor('levels', UINT8, [outs, cols / 32, 4 * bits], levels),
    tensor('scales', FLOAT, [scales.length], new Uint8Array(scales.buffer)),
    value(11, 'x', [rows, cols]),
    value(12, 'y', [rows, outs]),
  ]
  const opset = (domain, version) => field(8, [field(1, domain), integer(2, version)])
  return join([integer(1, 8), field(7, graph), opset('', 17), opset('com.microsoft', 1)])
}
