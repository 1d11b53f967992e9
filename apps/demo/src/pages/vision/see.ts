import { G3Error } from '@g3/backend'
import {
  decodeImage,
  normalise,
  panAndScan,
  resize,
  type Box,
  type RgbImage,
  type Tower,
  type TowerConfig,
} from '@g3/vision'
import type { LabCall, LabModel, LabWorker } from '../../lab/calls.js'
import { openEncoder } from '../../lab/encoder.js'
import { latest, openBackend } from '../../lab/opened.js'
import { threeColours } from './project.js'

export interface SeenView {
  /** The part of the image that it shows. */
  readonly box: Box
  /** Pixels of its side, as the encoder gets it. */
  readonly side: number
  /** [side, side, 3] what the encoder gets, as 8 bits. */
  readonly pixels: Uint8Array<ArrayBufferLike>
  /** [grid, grid, 3] the soft tokens in three colours, from 0 to 1: alike where they are alike. */
  readonly colours: Float32Array
  /** [grid, grid] the length of each soft token's vector. */
  readonly norms: Float32Array
  readonly encodeMs: number
}

export interface Seen {
  readonly width: number
  readonly height: number
  /** Patches of a view's side, and soft tokens. */
  readonly patches: number
  readonly grid: number
  /** Numbers of a soft token. */
  readonly tokenWidth: number
  readonly views: readonly SeenView[]
}

export type SeeCall = LabCall<
  { readonly model: LabModel; readonly image: Blob; readonly panAndScan: boolean },
  Seen,
  { readonly done: number; readonly total: number }
>

interface Eyes {
  readonly tower: Tower
  readonly config: TowerConfig
  close(): Promise<void>
}

const openEyes = async (model: LabModel): Promise<Eyes> => {
  const backend = await openBackend(model)
  try {
    const eyes = await openEncoder(model, backend)
    if (eyes === undefined) {
      throw new G3Error('demo/no-eyes', 'this model has no image encoder: add its mmproj file, or take tiny-vision')
    }
    return { ...eyes, close: () => backend.dispose() }
  } catch (error) {
    await backend.dispose()
    throw error
  }
}

/** The whole image, and its crops. */
export const boxesOf = ({ width, height }: RgbImage, scan: boolean): readonly Box[] => [
  { x: 0, y: 0, width, height },
  ...(scan ? panAndScan(width, height) : []),
]

/** Shows what an image becomes on its way into a model, and reads it. */
export const see: LabWorker<SeeCall> = () => {
  const encoder = latest(openEyes)
  return async ({ model, image: file, panAndScan: scan }, { signal, tell }) => {
    const { config, tower } = await encoder(model)
    const image = await decodeImage(new Uint8Array(await file.arrayBuffer()), { signal })
    const { side, tokens, width } = tower
    const boxes = boxesOf(image, scan)
    const views: SeenView[] = []
    for (const box of boxes) {
      signal.throwIfAborted()
      const view = resize(image, side, side, { box })
      const start = performance.now()
      const soft = await tower.encode(normalise(view), {
        signal,
        onProgress: (done, total) => tell({ done: views.length * total + done, total: boxes.length * total }),
      })
      const encodeMs = performance.now() - start
      const norms = Float32Array.from({ length: tokens }, (_, n) =>
        Math.hypot(...soft.subarray(n * width, (n + 1) * width)),
      )
      views.push({ box, side, pixels: view.data, colours: threeColours(soft, width), norms, encodeMs })
    }
    return {
      width: image.width,
      height: image.height,
      patches: config.imageSide / config.patchSide,
      grid: Math.sqrt(tokens),
      tokenWidth: width,
      views,
    }
  }
}
