import { CHUNK, type QuantForm, type WeightForm } from './forms.js'

/**
 * A part of a weight. A shard has its parts one after the other in a buffer, each a whole number of 16 bytes; rows follow
 * each other without gaps, and what belongs to chunk c of row r is number r · chunks + c of a part.
 */
export interface Part {
  /** Bytes a row takes; whole bytes for 8 rows at least. */
  readonly rowBytes: number
  /** Packs rows of a file's blocks. `out` is all zeros and belongs to these rows alone. */
  pack(file: DataView, rows: number, out: DataView): void
}

/** Rows that are packed together at least, so that every part of them is a multiple of 4 bytes. */
export const ROW_STEP = 8

/** Bits of a level that lie in the first plane; the rest lies in the second. */
export const lowBits = ({ bits }: QuantForm): 8 | 4 | 2 => (bits === 8 ? 8 : bits >= 4 ? 4 : 2)

/** The parts of a weight of `cols` columns: the levels' low bits, their high bits, the runs' numbers, integer scales. */
export function partsOf(form: WeightForm, cols: number): readonly Part[] {
  if (form.kind === 'float') return [floats(form.bytes, cols)]
  const low = lowBits(form)
  const high = form.bits - low
  return [
    levels(form, cols, 0, low),
    high === 0 ? NO_PART : levels(form, cols, low, high),
    runs(form, cols),
    form.run === 256 ? scales(form, cols) : NO_PART,
  ]
}

const NO_PART: Part = { rowBytes: 0, pack: () => {} }

/** Rows end with whole chunks: zeros behind their columns. */
function floats(bytes: number, cols: number): Part {
  const rowBytes = bytes * Math.ceil(cols / CHUNK) * CHUNK
  return {
    rowBytes,
    pack(file, rows, out) {
      const own = cols * bytes
      const target = new Uint8Array(out.buffer, out.byteOffset)
      const source = new Uint8Array(file.buffer, file.byteOffset, rows * own)
      if (own === rowBytes) target.set(source)
      else for (let r = 0; r < rows; r++) target.set(source.subarray(r * own, (r + 1) * own), r * rowBytes)
    },
  }
}

/** `width` bits of each level from bit `first` on: piece j of a chunk, four levels, lies in word ⌊j · width / 8⌋. */
function levels(form: QuantForm, cols: number, first: number, width: number): Part {
  const { run, blockBytes } = form
  const mask = ((1 << width) - 1) * 0x01010101
  const perWord = 8 / width
  const chunks = run / CHUNK
  return {
    rowBytes: (cols * width) / 8,
    pack(file, rows, out) {
      const blocks = (rows * cols) / run
      let to = 0
      for (let block = 0, at = 0; block < blocks; block++, at += blockBytes) {
        for (let j = 0; j < chunks; j++) {
          for (let t = 0; t < 8; ) {
            let word = 0
            for (let i = 0; i < perWord; i++, t++) {
              word |= ((form.levels(file, at, j, t) >>> first) & mask) << (width * i)
            }
            out.setUint32(to, word, true)
            to += 4
          }
        }
      }
    },
  }
}

/** The f16 numbers of each run: a scale, or a scale and a min that is subtracted. */
function runs({ run, blockBytes, fileScale, min }: QuantForm, cols: number): Part {
  const bytes = min === 'none' ? 2 : 4
  const sign = min === 'added' ? 0x8000 : 0
  return {
    rowBytes: (cols / run) * bytes,
    pack(file, rows, out) {
      const blocks = (rows * cols) / run
      for (let block = 0, at = fileScale, to = 0; block < blocks; block++, at += blockBytes, to += bytes) {
        out.setUint16(to, file.getUint16(at, true), true)
        if (min !== 'none') out.setUint16(to + 2, file.getUint16(at + 2, true) ^ sign, true)
      }
    },
  }
}

/** The integer scales of each chunk, 16 bits. */
function scales(form: QuantForm, cols: number): Part {
  const { run, blockBytes } = form
  return {
    rowBytes: (cols / CHUNK) * 2,
    pack(file, rows, out) {
      const blocks = (rows * cols) / run
      for (let block = 0, at = 0, to = 0; block < blocks; block++, at += blockBytes) {
        for (let j = 0; j < run / CHUNK; j++, to += 2) out.setUint16(to, form.scales(file, at, j), true)
      }
    },
  }
}
