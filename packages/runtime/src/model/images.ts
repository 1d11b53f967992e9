import { check, type Program } from '@g3/backend'
import { imageKeys } from '@g3/kv-cache'
import { normalise, type EncodeOptions, type Features, type RgbImage, type Tower } from '@g3/vision'

/** Images that texts can have among their tokens. */
export interface Images {
  /** Ids that a view takes in a text. */
  readonly tokens: number
  /** Pixels of a view's side. */
  readonly side: number
  /**
   * Makes a view known, a whole image or a crop, resized to side x side.
   * @returns its ids [tokens], made from its content and negative, as no token's are. In a text they stand between
   * `<start_of_image>` and `<end_of_image>`. The view is encoded when they are first read
   * @throws G3Error `vision/bad-pixels`
   */
  add(view: RgbImage): Promise<Int32Array>
  /** Makes a view known again, of which newer ones may have taken the place. */
  remember(ids: Int32Array, view: RgbImage): void
}

/** What sequences ask of images. */
export interface SeenImages extends Images {
  /** @throws G3Error `model/unknown-image` unless all of the ids that are no tokens' are whole images, and known */
  checkIds(ids: Int32Array): void
  /** What puts the soft tokens of the image with these ids into x, encoded first where that was not done before. */
  begin(ids: Int32Array, options: EncodeOptions): Promise<Program>
  /** What was encoded is gone with the hardware. */
  lose(): void
}

export interface ImageParts {
  readonly tower: Tower
  /** Records what puts an image's soft tokens into x, and what the first layer reads into h. */
  record(features: Features): Program
}

interface View {
  readonly ids: Int32Array
  readonly image: RgbImage
}

interface Slot {
  name: string | undefined
  readonly features: Features
  readonly program: Program
}

/** Encoded images that stay in the backend: 1.2 MB each at the published size. */
const MOST_ENCODED = 16
/** Bytes of views that are known at a time: about a hundred at the published size. */
const MOST_VIEW_BYTES = 256 * 2 ** 20
/** Ids that name an image. */
const NAME_IDS = 8

export function images({ tower, record }: ImageParts): SeenImages {
  const { tokens, side } = tower
  /** By name, the one that was wanted longest ago first. */
  const views = new Map<string, View>()
  const mostViews = Math.max(1, Math.floor(MOST_VIEW_BYTES / (3 * side * side)))
  /** The one that was used longest ago first. */
  const slots: Slot[] = []
  /** One after the other: the tower holds one image. */
  let queue: Promise<unknown> = Promise.resolve()

  const nameOf = (ids: Int32Array): string => ids.subarray(0, Math.min(tokens, NAME_IDS)).join(' ')

  const know = (view: View): void => {
    const name = nameOf(view.ids)
    views.delete(name)
    views.set(name, view)
    for (const oldest of views.keys()) {
      if (views.size <= mostViews) break
      views.delete(oldest)
    }
  }

  /** @throws G3Error `model/unknown-image` */
  const viewOf = (ids: Int32Array): View => {
    const view = views.get(nameOf(ids))
    const isKnown = view !== undefined && ids.length === tokens && view.ids.every((id, i) => id === ids[i])
    check(
      isKnown,
      'model/unknown-image',
      'the text has an image that is cut or that the model does not know: add it again',
    )
    return view
  }

  const newSlot = (): Slot => {
    const features = tower.features(`image ${slots.length}`)
    return { name: undefined, features, program: record(features) }
  }

  const encoded = async (view: View, options: EncodeOptions): Promise<Program> => {
    const name = nameOf(view.ids)
    const at = slots.findIndex((slot) => slot.name === name)
    const isEncoded = at >= 0
    const slot = isEncoded ? slots[at] : slots.length < MOST_ENCODED ? newSlot() : slots[0]
    if (slots.includes(slot)) slots.splice(slots.indexOf(slot), 1)
    slots.push(slot)
    if (isEncoded) return slot.program
    slot.name = undefined
    await tower.see(normalise(view.image), slot.features, options)
    slot.name = name
    return slot.program
  }

  return {
    tokens,
    side,
    async add(view) {
      const { width, height, data } = view
      const fits = width === side && height === side && data.length === 3 * side * side
      check(
        fits,
        'vision/bad-pixels',
        () => `a view of ${width} x ${height} cannot be seen: resize it to ${side} x ${side}`,
      )
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', data))
      const ids = imageKeys(hash, tokens)
      know({ ids, image: view })
      return ids
    },
    remember: (ids, image) => know({ ids, image }),
    checkIds(ids) {
      for (let at = 0; at < ids.length; at += ids[at] < 0 ? tokens : 1) {
        if (ids[at] < 0) viewOf(ids.subarray(at, at + tokens))
      }
    },
    begin(ids, options) {
      const run = queue.then(() => encoded(viewOf(ids), options))
      queue = run.catch(() => {})
      return run
    },
    lose() {
      for (const slot of slots) slot.name = undefined
    },
  }
}
