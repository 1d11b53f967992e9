import { G3Error } from '@g3/backend'

export type ImageType = 'png' | 'jpeg' | 'webp' | 'gif' | 'avif'

/** `?` stands for any byte. AVIF's major brand may also be that of all images in HEIF, so its decoder looks closer. */
const MAGIC: readonly (readonly [ImageType, string])[] = [
  ['png', '\x89PNG\r\n\x1a\n'],
  ['jpeg', '\xff\xd8\xff'],
  ['webp', 'RIFF????WEBP'],
  ['gif', 'GIF87a'],
  ['gif', 'GIF89a'],
  ['avif', '????ftypavif'],
  ['avif', '????ftypavis'],
  ['avif', '????ftypmif1'],
]

/** Types that are asked for and not read, so that the error can name them. */
const OTHERS: readonly (readonly [string, string])[] = [
  ['BMP', 'BM'],
  ['TIFF', 'II*\0'],
  ['TIFF', 'MM\0*'],
  ['HEIC', '????ftyphei'],
  ['HEIC', '????ftyphev'],
  ['JPEG XL', '\xff\x0a'],
  ['JPEG XL', '\0\0\0\x0cJXL '],
  ['PDF', '%PDF'],
  ['SVG', '<svg'],
  ['SVG or XML', '<?xml'],
]

/** @throws G3Error `vision/unknown-type` */
export function fileType(bytes: Uint8Array): ImageType {
  const head = String.fromCharCode(...bytes.subarray(0, 16))
  const starts = (magic: string): boolean =>
    [...magic].every((char, i) => (char === '?' ? i < head.length : char === head[i]))
  const found = MAGIC.find(([, magic]) => starts(magic))
  if (found) return found[0]
  const other = OTHERS.find(([, magic]) => starts(magic))
  throw new G3Error(
    'vision/unknown-type',
    `the file is ${other ? `a ${other[0]}` : 'no image'} by its first bytes; PNG, JPEG, WebP, GIF and AVIF can be read`,
  )
}
