import { check } from '@g3/backend'
import type { ImageContent } from '@g3/tokenizer'
import { decodeImage, imagePrompt, panAndScan, resize, type DecodeOptions, type RgbImage } from '@g3/vision'
import type { Images } from '../model/gemma3.js'

/** An image that is ready for messages of the model that prepared it. */
export interface Picture {
  /** Pixels, turned upright. */
  readonly width: number
  readonly height: number
  /** Views of it that are encoded: the whole, and crops. */
  readonly views: number
  /** Tokens that its views take in a prompt, without markers and words around them. */
  readonly tokens: number
}

export interface PictureOptions extends DecodeOptions {
  /** Shows a long image in crops, too, as Hugging Face's Pan & Scan. Off unless given, as there. */
  readonly panAndScan?: boolean
}

interface PreparedView {
  readonly ids: Int32Array
  readonly image: RgbImage
}

/** Prepares images, and gives what stands for them in a prompt. */
export function pictures(images: Images | undefined) {
  const prepared = new WeakMap<object, readonly PreparedView[]>()
  return {
    async picture(source: Uint8Array | Blob | RgbImage, options: PictureOptions = {}): Promise<Picture> {
      check(images !== undefined, 'generate/no-eyes', NO_EYES)
      const { side, tokens } = images
      const image = await decoded(source, options)
      const { width, height } = image
      const boxes = [{ x: 0, y: 0, width, height }, ...(options.panAndScan ? panAndScan(width, height) : [])]
      const views: PreparedView[] = []
      for (const box of boxes) {
        options.signal?.throwIfAborted()
        const view = resize(image, side, side, { box })
        views.push({ image: view, ids: await images.add(view) })
      }
      const picture = { width, height, views: views.length, tokens: views.length * tokens }
      prepared.set(picture, views)
      return picture
    },
    /** @throws G3Error `generate/no-eyes`, `generate/bad-image` for what {@link picture} did not give */
    imageContent(image: unknown): ImageContent {
      check(images !== undefined, 'generate/no-eyes', NO_EYES)
      const views = typeof image === 'object' && image !== null ? prepared.get(image) : undefined
      check(
        views !== undefined,
        'generate/bad-image',
        "an image part of a message needs what this model's picture() gave: { type: 'image', image: await model.picture(file) }",
      )
      for (const view of views) images.remember(view.ids, view.image)
      return { prompt: imagePrompt(views.length - 1), views: views.map(({ ids }) => ids) }
    },
  }
}

const NO_EYES = 'this model was loaded without an image encoder: give loadModel its mmproj file'

async function decoded(source: Uint8Array | Blob | RgbImage, options: PictureOptions): Promise<RgbImage> {
  if (source instanceof Uint8Array) return decodeImage(source, options)
  if (source instanceof Blob) return decodeImage(new Uint8Array(await source.arrayBuffer()), options)
  return source
}
