import type { Model, Picture } from '@g3/runtime'
import { readImage } from './image-file.js'

/** An image among a message's parts. */
export interface PicturePart {
  readonly [key: string]: unknown
  readonly type: 'image'
  readonly image: Picture
}

/**
 * The images that `--image` or `/image` name, in order.
 * @throws G3Error `cli/missing-file`, `cli/unreadable-file`, as {@link Model.picture}
 */
export async function picturesOf(
  model: Pick<Model, 'picture'>,
  { image = [], panAndScan = false }: { readonly image?: readonly string[]; readonly panAndScan?: boolean },
  signal?: AbortSignal,
): Promise<readonly PicturePart[]> {
  const parts: PicturePart[] = []
  for (const path of image) {
    const picture = await model.picture(await readImage(path), { panAndScan, ...(signal && { signal }) })
    parts.push({ type: 'image', image: picture })
  }
  return parts
}

/** Views of pictures that an encoder may have to read. */
export const viewsOf = (parts: readonly PicturePart[]): number => parts.reduce((sum, { image }) => sum + image.views, 0)
