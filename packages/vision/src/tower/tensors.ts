import { gridOf, type TowerConfig } from './config.js'

/** A tensor that the encoder needs: its name in an mmproj GGUF, and its extents. A vector has one row. */
export interface TowerTensor {
  readonly name: string
  readonly rows: number
  readonly cols: number
}

/**
 * All tensors of an encoder, by the names that llama.cpp's converter gives them, as they are stored: the projection is
 * [width, outWidth] there.
 * @throws G3Error `vision/bad-config`
 */
export function towerTensors(config: TowerConfig): readonly TowerTensor[] {
  const { width, ffn, layers, patchSide, outWidth } = config
  const affine = (name: string, rows: number, cols: number): TowerTensor[] => [
    { name: `${name}.weight`, rows, cols },
    { name: `${name}.bias`, rows: 1, cols: rows === 1 ? cols : rows },
  ]
  const layer = (n: number): TowerTensor[] => [
    ...affine(`v.blk.${n}.ln1`, 1, width),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_out'].flatMap((part) => affine(`v.blk.${n}.${part}`, width, width)),
    ...affine(`v.blk.${n}.ln2`, 1, width),
    ...affine(`v.blk.${n}.ffn_up`, ffn, width),
    ...affine(`v.blk.${n}.ffn_down`, width, ffn),
  ]
  return [
    ...affine('v.patch_embd', width, 3 * patchSide * patchSide),
    { name: 'v.position_embd.weight', rows: gridOf(config) ** 2, cols: width },
    ...Array.from({ length: layers }, (_, n) => layer(n)).flat(),
    ...affine('v.post_ln', 1, width),
    { name: 'mm.soft_emb_norm.weight', rows: 1, cols: width },
    { name: 'mm.input_projection.weight', rows: width, cols: outWidth },
  ]
}

/**
 * The buffers of an encoder, by name: rows and columns. They are what it takes beside its weights.
 * @throws G3Error `vision/bad-config`
 */
export function towerBuffers(config: TowerConfig) {
  const { patchSide, width, ffn, poolSide, outWidth } = config
  const rows = gridOf(config) ** 2
  const tokens = rows / poolSide ** 2
  return {
    cut: { rows, cols: 3 * patchSide * patchSide },
    x: { rows, cols: width },
    h: { rows, cols: width },
    q: { rows, cols: width },
    k: { rows, cols: width },
    v: { rows, cols: width },
    wide: { rows, cols: ffn },
    pooled: { rows: tokens, cols: width },
    normed: { rows: tokens, cols: width },
    soft: { rows: tokens, cols: outWidth },
  } as const
}
