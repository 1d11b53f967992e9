import { check } from '@g3/backend'

/**
 * Whose arithmetic to repeat. Both weigh pixels in fixed point: `pillow` with 22 bits after the point, `torchvision` with
 * as many as keep an axis's largest weight below 2^15. Results differ by one level at most.
 */
export type Resampler = 'pillow' | 'torchvision'

/** Which source pixels make a pixel of the result, along one axis. */
export interface Taps {
  /** First source pixel, per pixel of the result. */
  readonly starts: Int32Array
  /** How many follow each other. */
  readonly counts: Int32Array
  /** [pixels of the result, most]: fixed point. */
  readonly weights: Int32Array
  readonly most: number
  /** Bits after the point. */
  readonly bits: number
}

const PILLOW_BITS = 22

/**
 * The triangle filter that makes `to` pixels of `from`. Each pixel's weights sum to 1 but for rounding.
 *
 * Source: `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's Resample.c; for torchvision,
 * `_compute_index_ranges_int16_weights` of PyTorch's UpSampleKernel.cpp.
 * @throws G3Error `vision/bad-option` unless `to` is a whole number from 1 to 65,536
 */
export function taps(from: number, to: number, resampler: Resampler): Taps {
  check(
    Number.isInteger(to) && to > 0 && to <= 1 << 16,
    'vision/bad-option',
    `an image cannot be resized to ${to} pixels; ask for a whole number from 1 to 65536`,
  )
  const scale = from / to
  const support = Math.max(1, scale)
  const most = Math.min(from, 2 * Math.ceil(support) + 1)
  const starts = new Int32Array(to)
  const counts = new Int32Array(to)
  const exact = new Float64Array(to * most)
  let largest = 0
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale
    const start = Math.max(0, Math.trunc(center - support + 0.5))
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - start
    let sum = 0
    for (let j = 0; j < count; j++) {
      const weight = Math.max(0, 1 - Math.abs((start + j - center + 0.5) * (1 / support)))
      exact[i * most + j] = weight
      sum += weight
    }
    for (let j = 0; j < count; j++) {
      exact[i * most + j] /= sum
      largest = Math.max(largest, exact[i * most + j])
    }
    starts[i] = start
    counts[i] = count
  }
  const bits = resampler === 'pillow' ? PILLOW_BITS : torchBits(largest)
  const weights = Int32Array.from(exact, (weight) => Math.trunc(0.5 + weight * 2 ** bits))
  return { starts, counts, weights, most, bits }
}

function torchBits(largest: number): number {
  let bits = 0
  while (bits < PILLOW_BITS && Math.trunc(0.5 + largest * 2 ** (bits + 1)) < 1 << 15) bits++
  return bits
}
