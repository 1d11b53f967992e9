import { check } from '@g3/backend'
import type { Box } from './image.js'

/** Defaults are Hugging Face's. */
export interface PanAndScanOptions {
  /** Crops narrower or lower than this, in pixels, are not worth making; 256. */
  readonly minCropSize?: number
  /** 4. */
  readonly maxCrops?: number
  /** Long side by short side from which on there are crops; 1.2. */
  readonly minRatio?: number
}

/**
 * The crops that a long image is shown in, beside the whole: its long side cut into equal parts, the last of which may
 * be shorter. An image that is nearly square or too small has none.
 *
 * Source: `pan_and_scan` of transformers' image_processing_gemma3.py.
 * @throws G3Error `vision/bad-option`
 */
export function panAndScan(
  width: number,
  height: number,
  { minCropSize = 256, maxCrops = 4, minRatio = 1.2 }: PanAndScanOptions = {},
): Box[] {
  for (const [name, value] of Object.entries({ width, height, minCropSize, maxCrops })) {
    check(
      Number.isSafeInteger(value) && value > 0,
      'vision/bad-option',
      `${name} is ${value}; it must be a whole number from 1`,
    )
  }
  check(minRatio >= 1, 'vision/bad-option', `minRatio is ${minRatio}; long by short is 1 or more`)
  const [long, short] = width >= height ? [width, height] : [height, width]
  if (long / short < minRatio) return []
  const wanted = Math.min(Math.floor(long / minCropSize), Math.floor(long / short + 0.5))
  const size = Math.ceil(long / Math.min(maxCrops, Math.max(2, wanted)))
  if (Math.min(size, short) < minCropSize) return []
  const crops: Box[] = []
  for (let start = 0; start < long; start += size) {
    const length = Math.min(size, long - start)
    crops.push(width >= height ? { x: start, y: 0, width: length, height } : { x: 0, y: start, width, height: length })
  }
  return crops
}
