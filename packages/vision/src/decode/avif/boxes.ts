import { G3Error } from '@g3/backend'
import type { ByteView } from '../byte-view.js'

export interface AvifFacts {
  readonly width: number
  readonly height: number
  /** Quarter turns against the clock. */
  readonly turns: number
  /** After turning: rows upside down, columns left to right, or neither. */
  readonly mirror: 'rows' | 'columns' | undefined
}

interface Part {
  readonly tag: string
  readonly body: ByteView
}

const damaged = (what: string): G3Error => new G3Error('vision/damaged', `the AVIF ${what}; save or fetch it again`)

/** The boxes in `view` from `at` on. Few are nested, so it is safe to list them. */
function boxes(view: ByteView, at = 0): Part[] {
  const found: Part[] = []
  while (at + 8 <= view.bytes.length) {
    const size = view.u32(at)
    // 0: up to the end; 1: 64 bits follow, of which a file in memory needs the lower.
    const head = size === 1 ? 16 : 8
    const length =
      size === 0 ? view.bytes.length - at : size === 1 ? view.u32(at + 8) * 2 ** 32 + view.u32(at + 12) : size
    if (length < head) throw damaged('has a box smaller than its header')
    found.push({ tag: view.tag(at + 4), body: view.part(at + head, length - head) })
    at += length
  }
  return found
}

const find = (among: readonly Part[], tag: string): ByteView => {
  const found = among.find((part) => part.tag === tag)
  if (!found) throw damaged(`has no box ${JSON.stringify(tag)}`)
  return found.body
}

/**
 * Size and position of the primary item.
 *
 * Source: ISO/IEC 23008-12 (HEIF), 6.5 and 9.3; AV1 Image File Format 1.1.
 * @throws G3Error `vision/truncated`, `vision/damaged`
 */
export function readBoxes(file: ByteView): AvifFacts {
  const meta = boxes(find(boxes(file), 'meta'), 4)
  const primaryBox = find(meta, 'pitm')
  const primary = primaryBox.u8(0) === 0 ? primaryBox.u16(4) : primaryBox.u32(4)
  const properties = boxes(find(meta, 'iprp'))
  const all = boxes(find(properties, 'ipco'))
  const own = associated(find(properties, 'ipma'), primary).flatMap((number) => all[number - 1] ?? [])
  const size = find(own, 'ispe')
  const turned = own.find(({ tag }) => tag === 'irot')
  const mirrored = own.find(({ tag }) => tag === 'imir')
  return {
    width: size.u32(4),
    height: size.u32(8),
    turns: turned ? turned.body.u8(0) & 3 : 0,
    mirror: mirrored && (mirrored.body.u8(0) & 1 ? 'columns' : 'rows'),
  }
}

/** Numbers of the properties that an item has, from 1. */
function associated(box: ByteView, item: number): number[] {
  const [wideItems, wideNumbers] = [box.u8(0) > 0, (box.u8(3) & 1) === 1]
  const items = box.u32(4)
  for (let i = 0, at = 8; i < items; i++) {
    const id = wideItems ? box.u32(at) : box.u16(at)
    at += wideItems ? 4 : 2
    const count = box.u8(at++)
    const numbers: number[] = []
    for (let j = 0; j < count; j++, at += wideNumbers ? 2 : 1) {
      numbers.push(wideNumbers ? box.u16(at) & 0x7fff : box.u8(at) & 0x7f)
    }
    if (id === item) return numbers
  }
  throw damaged('does not describe its image')
}
