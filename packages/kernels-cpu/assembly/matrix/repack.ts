import { BF16, F16, F32, foldColumns, GROUP, hasMin, traits } from '../lib/layout'
import {
  bitPlace, bitShift, hasBits, hasNibbles, hasPairs, headerBytes, levelBytes, ownScales, pairPlace, pairShift, Stored,
} from './stored'
import { dispatch } from './types/dispatch'

/*
 * From GGML's rows of blocks to groups of 8 rows, at about the file's density: `stored.ts`, and for floats [k][8 rows].
 */

/** Repacks one group. `source`: its first row; rows at or past `rows` are zero. */
export function repackGroup(
  type: i32, source: usize, stride: usize, rows: i32, cols: i32, target: usize, bytes: usize,
): void {
  if (rows < GROUP) memory.fill(target, 0, bytes)
  for (let row = 0; row < min(rows, GROUP); row++, source += stride) {
    if (type == F32) words32(source, row, cols, target)
    else if (type == F16 || type == BF16) words16(source, row, cols, target)
    else dispatch<Repack>(type, source, target, cols, row)
  }
}

class Repack {
  @inline of<T>(from: usize, to: usize, cols: i32, row: usize): void { repackRow<T>(from, to, cols, row) }
}

function words32(from: usize, row: i32, cols: i32, to: usize): void {
  for (let k = 0; k < cols; k++) store<u32>(to + 32 * k + 4 * row, load<u32>(from + 4 * k))
}

function words16(from: usize, row: i32, cols: i32, to: usize): void {
  for (let k = 0; k < cols; k++) store<u16>(to + 16 * k + 2 * row, load<u16>(from + 2 * k))
}

function repackRow<T extends Stored>(from: usize, to: usize, cols: i32, row: usize): void {
  const type = traits<T>()
  for (let column = 0; column < cols; column += type.run()) {
    store<u16>(to + 2 * row, load<u16>(from + type.fileScale()))
    if (hasMin<T>()) store<u16>(to + 16 + 2 * row, load<u16>(from + type.fileScale() + 2))
    to += headerBytes<T>()
    for (let j = 0; j < type.run() / 32; j++) {
      putLevels<T>(from, j, to + 4 * row)
      putScales<T>(from, j, to + levelBytes<T>() + row)
      to += levelBytes<T>() + ownScales<T>()
    }
    from += type.fileBytes()
  }
}

/** A row's levels of columns 32j … to their planes. */
@inline function putLevels<T extends Stored>(from: usize, j: i32, to: usize): void {
  let firstPairs: u32 = 0, lastPairs: u32 = 0, bits: u32 = 0
  for (let t = 0; t < 4; t++) {
    const low = traits<T>().fileLevels(from, j, t), high = traits<T>().fileLevels(from, j, t + 4)
    if (traits<T>().bits() == 8) {
      store<u32>(to + 32 * t, low)
      store<u32>(to + 32 * t, high, 128)
    }
    if (hasNibbles<T>()) store<u32>(to + 32 * t, (low & 0x0f0f0f0f) | ((high & 0x0f0f0f0f) << 4))
    if (hasPairs<T>()) {
      firstPairs |= ((low >> pairShift<T>()) & 0x03030303) << (2 * t)
      lastPairs |= ((high >> pairShift<T>()) & 0x03030303) << (2 * t)
    }
    if (hasBits<T>()) {
      bits |= ((low >> bitShift<T>()) & 0x01010101) << t
      bits |= ((high >> bitShift<T>()) & 0x01010101) << (t + 4)
    }
  }
  if (hasPairs<T>()) {
    store<u32>(to + pairPlace<T>(), firstPairs)
    store<u32>(to + pairPlace<T>(), lastPairs, 32)
  }
  if (hasBits<T>()) store<u32>(to + bitPlace<T>(), bits)
}

@inline function putScales<T extends Stored>(from: usize, j: i32, to: usize): void {
  if (ownScales<T>() == 0) return
  if (foldColumns<T>() == 16) {
    store<u8>(to, traits<T>().fileScales(from, 2 * j))
    store<u8>(to, traits<T>().fileScales(from, 2 * j + 1), 8)
  } else {
    const own = traits<T>().fileScales(from, j)
    store<u8>(to, own)
    if (hasMin<T>()) store<u8>(to, own >> 8, 8)
  }
}
