// A layer of an image encoder at true size (width 1152, 16 heads of 72, 4304 in between) with random weights, for `tower.mjs` and its page. Q8_0
// leaves `down` in F16, as files do: 4304 columns are no whole blocks.

export const WIDTH = 1152
export const LAYERS = 27
const [FFN, HEAD_DIM] = [4304, 72]

/** Any bytes are levels of Q8_0; scales and floats are made. */
function packed({ rowBytes, toHalf }, type, rows, cols, next) {
  const bytes = new Uint8Array(rows * rowBytes(type, cols))
  const view = new DataView(bytes.buffer)
  if (type === 'Q8_0') {
    for (let i = 0; i < bytes.length; i++) bytes[i] = next() * 127
    for (let i = 0; i < bytes.length; i += 34) view.setUint16(i, toHalf(1 / 127 / Math.sqrt(cols)), true)
  } else {
    const size = bytes.length / (rows * cols)
    for (let i = 0; i < rows * cols; i++) {
      const value = next() / Math.sqrt(cols)
      if (size === 4) view.setFloat32(4 * i, value, true)
      else view.setUint16(2 * i, toHalf(value), true)
    }
  }
  return bytes
}

/**
 * The programs of a layer and its parts, with the GMAC that they take.
 * @param backend of `@g3/kernels-cpu`
 * @param lib `@g3/backend`
 * @param {{ type: string, rows: number }} sizes
 */
export async function towerLayer(backend, lib, { type, rows: ROWS }) {
  let seed = 1
  /** Uniform in [-1, 1). */
  const next = () => (seed = (Math.imul(seed, 1664525) + 1013904223) | 0) / 2 ** 31
  const load = (type, rows, cols) => {
    const bytes = packed(lib, type, rows, cols, next)
    const read = async (at, into) => into.set(bytes.subarray(at, at + into.length))
    return backend.load({ name: `${rows} x ${cols}`, type, rows, cols, read })
  }
  const vector = (cols) => load('F32', 1, cols)
  const affine = async (rows, cols) => ({
    weight: await load(cols % 32 === 0 ? type : type === 'Q8_0' ? 'F16' : type, rows, cols),
    bias: await vector(rows),
  })
  const [q, k, v, o] = [
    await affine(WIDTH, WIDTH),
    await affine(WIDTH, WIDTH),
    await affine(WIDTH, WIDTH),
    await affine(WIDTH, WIDTH),
  ]
  const [up, down] = [await affine(FFN, WIDTH), await affine(WIDTH, FFN)]
  const norm = { weight: await vector(WIDTH), bias: await vector(WIDTH), eps: 1e-6 }
  const buffer = (cols) => backend.buffer(`${cols}`, ROWS, cols)
  const [x, h, qs, ks, vs, attended] = Array.from({ length: 6 }, () => buffer(WIDTH))
  const wide = buffer(FFN)
  const table = await load('F32', ROWS, WIDTH)

  const parts = {
    // First: it fills what the parts read.
    'whole layer': (ops) => {
      ops.embed({ weight: table, scale: 1, out: x })
      parts['next layer'](ops)
    },
    // On what the one before has left.
    'next layer': (ops) => {
      parts.norms(ops)
      for (const part of ['q, k and v', 'attention', 'out', 'up', 'down']) parts[part](ops)
    },
    'q, k and v': (ops) => {
      ops.linear({ x: h, ...q, out: qs })
      ops.linear({ x: h, ...k, out: ks })
      ops.linear({ x: h, ...v, out: vs })
    },
    attention: (ops) =>
      ops.attendAll({ q: qs, k: ks, v: vs, headDim: HEAD_DIM, scale: HEAD_DIM ** -0.5, out: attended }),
    out: (ops) => ops.addLinear({ x: attended, ...o, out: x }),
    up: (ops) => ops.linear({ x: h, ...up, gelu: true, out: wide }),
    down: (ops) => ops.addLinear({ x: wide, ...down, out: x }),
    norms: (ops) => {
      ops.layerNorm({ x, ...norm, out: h })
      ops.layerNorm({ x, ...norm, out: h })
    },
  }
  const square = ROWS * WIDTH * WIDTH
  const macs = { 'q, k and v': 3 * square, attention: 2 * ROWS * ROWS * WIDTH, out: square, norms: 0 }
  macs.up = macs.down = ROWS * WIDTH * FFN
  macs['whole layer'] = Object.values(macs).reduce((sum, count) => sum + count)
  const ids = Int32Array.from({ length: ROWS }, (_, i) => i)
  const programs = Object.entries(parts).map(([label, build]) => {
    const program = backend.record(label, build)
    const run = async () => {
      backend.run(program, { rows: ROWS, ids })
      await backend.read(x, 1)
    }
    return { label, run, macs: macs[label], best: Infinity }
  })
  const [whole, { run: again }, ...rest] = programs
  return { x, again, programs: [whole, ...rest] }
}
