import { check } from '@g3/backend'
import type { Box, RgbImage } from './image.js'
import { taps, type Resampler, type Taps } from './taps.js'

export interface ResizeOptions {
  /** The part to resize; the whole image unless given. */
  readonly box?: Box
  /** Whose rounding; `pillow` unless given. */
  readonly resampler?: Resampler
}

/**
 * Stretches an image, or a box of it, by bilinear interpolation with antialiasing: a triangle filter that widens where
 * the image shrinks. Equal to the resampler's own result to the last bit.
 *
 * Both round to 8 bits between rows and columns, so their order counts. Neither order keeps more than a few rows.
 * @throws G3Error `vision/bad-option` for a size or box that cannot be
 */
export function resize(image: RgbImage, width: number, height: number, options: ResizeOptions = {}): RgbImage {
  const { box = { x: 0, y: 0, width: image.width, height: image.height }, resampler = 'pillow' } = options
  checkBox(image, box)
  const across = taps(box.width, width, resampler)
  const down = taps(box.height, height, resampler)
  const data = new Uint8ClampedArray(3 * width * height)
  const stretch = resampler === 'pillow' && pillowGoesDownFirst(box, width, height) ? downThenAcross : acrossThenDown
  stretch(image, box, across, down, data)
  return { width, height, data: new Uint8Array(data.buffer) }
}

/** Since Pillow 13: where the height loses more than twice what the width does. Source: `ImagingResampleInner`. */
const pillowGoesDownFirst = (from: Box, width: number, height: number): boolean =>
  from.height > height && from.height - height > 2 * (from.width - width)

function downThenAcross({ data, width }: RgbImage, box: Box, across: Taps, down: Taps, into: Uint8ClampedArray): void {
  const rowBytes = into.length / down.starts.length
  const sums = new Int32Array(3 * box.width)
  const line = new Uint8ClampedArray(sums.length)
  for (let y = 0; y < down.starts.length; y++) {
    const top = box.y + down.starts[y]
    weighRows(down, y, data, (i) => 3 * ((top + i) * width + box.x), sums, line, 0)
    weighColumns(across, line, 0, into, y * rowBytes)
  }
}

/** Rows that went across are kept in a ring, as many as one row of the result weighs. */
function acrossThenDown({ data, width }: RgbImage, box: Box, across: Taps, down: Taps, into: Uint8ClampedArray): void {
  const rowBytes = into.length / down.starts.length
  const ring = new Uint8ClampedArray(down.most * rowBytes)
  const sums = new Int32Array(rowBytes)
  const place = (row: number): number => (row % down.most) * rowBytes
  let read = 0
  for (let y = 0; y < down.starts.length; y++) {
    const first = down.starts[y]
    for (; read < first + down.counts[y]; read++) {
      weighColumns(across, data, 3 * ((box.y + read) * width + box.x), ring, place(read))
    }
    weighRows(down, y, ring, (i) => place(first + i), sums, into, y * rowBytes)
  }
}

type Levels = Uint8Array | Uint8ClampedArray

/** Row `y` of the result into `into` at `at`: the i-th row that it weighs begins at `begin(i)`. */
function weighRows(
  { counts, weights, most, bits }: Taps,
  y: number,
  source: Levels,
  begin: (i: number) => number,
  sums: Int32Array,
  into: Uint8ClampedArray,
  at: number,
): void {
  sums.fill(1 << (bits - 1))
  for (let i = 0; i < counts[y]; i++) {
    const weight = weights[y * most + i]
    const from = begin(i)
    for (let j = 0; j < sums.length; j++) sums[j] += weight * source[from + j]
  }
  for (let j = 0; j < sums.length; j++) into[at + j] = sums[j] >> bits
}

/** One row of pixels, stretched across. */
function weighColumns(across: Taps, source: Levels, from: number, into: Uint8ClampedArray, at: number): void {
  const { starts, counts, weights, most, bits } = across
  const half = 1 << (bits - 1)
  for (let x = 0; x < starts.length; x++) {
    let red = half
    let green = half
    let blue = half
    let pixel = from + 3 * starts[x]
    for (let i = x * most, end = i + counts[x]; i < end; i++, pixel += 3) {
      const weight = weights[i]
      red += weight * source[pixel]
      green += weight * source[pixel + 1]
      blue += weight * source[pixel + 2]
    }
    into[at + 3 * x] = red >> bits
    into[at + 3 * x + 1] = green >> bits
    into[at + 3 * x + 2] = blue >> bits
  }
}

function checkBox(image: RgbImage, { x, y, width, height }: Box): void {
  const whole = [x, y, width, height].every(Number.isSafeInteger)
  const inside = x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= image.width && y + height <= image.height
  check(
    whole && inside,
    'vision/bad-option',
    `the box ${width} x ${height} at ${x}, ${y} is not inside the image of ${image.width} x ${image.height}`,
  )
}
