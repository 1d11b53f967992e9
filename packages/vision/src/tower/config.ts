import { check } from '@g3/backend'

/** Sizes of an image encoder: SigLIP's vision transformer and Gemma 3's projector. */
export interface TowerConfig {
  /** Pixels of an image's side, and of a patch's. */
  readonly imageSide: number
  readonly patchSide: number
  readonly width: number
  /** Width between the two matrices of the MLP. */
  readonly ffn: number
  readonly layers: number
  readonly heads: number
  /** Of LayerNorms and of the norm before the projector. */
  readonly eps: number
  /** Patches of a side that become one soft token. */
  readonly poolSide: number
  /** Width of the language model. */
  readonly outWidth: number
}

/** What 4B, 12B and 27B share: SigLIP So400m/14 at 896; `outWidth` is 4B's. */
export const SIGLIP_896: TowerConfig = {
  imageSide: 896,
  patchSide: 14,
  width: 1152,
  ffn: 4304,
  layers: 27,
  heads: 16,
  eps: 1e-6,
  poolSide: 4,
  outWidth: 2560,
}

/** Patches of an image's side. @throws G3Error `vision/bad-config` */
export function gridOf({ imageSide, patchSide, poolSide, width, heads }: TowerConfig): number {
  const grid = imageSide / patchSide
  const whole = Number.isInteger(grid) && grid > 0 && grid % poolSide === 0 && width % heads === 0
  check(
    whole,
    'vision/bad-config',
    `an image of ${imageSide} in patches of ${patchSide}, pooled by ${poolSide}, with ${heads} heads in a width of ${width}, cannot be encoded: all of these divide each other`,
  )
  return grid
}
