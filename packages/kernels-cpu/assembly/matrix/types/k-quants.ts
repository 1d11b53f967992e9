import { Fold16, Fold16Min, Fold32Min, Fold32SignedMin } from '../../lib/layout'
import { Stored } from '../stored'

/*
 * Types whose blocks of 256 have a scale and integer scales of parts. Formulas and layouts: `dequant/k-quants.ts` of
 * @g3/backend.
 */

/** Bits 2 (j & 3) … of bytes 32 (j >> 2) + 4t …: how Q2_K and Q3_K lay out 256 times two bits. */
@inline function pairsAt(bytes: usize, j: i32, t: i32): u32 {
  return (load<u32>(bytes + 32 * (j >> 2) + 4 * t) >> (2 * (j & 3))) & 0x03030303
}

/** Nibbles of bytes 32 (j >> 1) + 4t …, low ones for even j: how Q4_K and Q5_K lay out 256 nibbles. */
@inline function nibblesAt(bytes: usize, j: i32, t: i32): u32 {
  return (load<u32>(bytes + 32 * (j >> 1) + 4 * t) >> (4 * (j & 1))) & 0x0f0f0f0f
}

/** The 6-bit scale and min of part j (ggml's `get_scale_min_k4`), min in the second byte. */
@inline function scaleAndMin(packed: usize, j: i32): u32 {
  if (j < 4) return (load<u8>(packed + j) & 63) | ((<u32>load<u8>(packed + j, 4) & 63) << 8)
  const both = <u32>load<u8>(packed + j, 4)
  const scale = (both & 15) | ((<u32>load<u8>(packed + j - 4) >> 6) << 4)
  const least = (both >> 4) | ((<u32>load<u8>(packed + j) >> 6) << 4)
  return scale | (least << 8)
}

export class Q2K extends Fold16Min implements Stored {
  @inline run(): i32 { return 256 }
  @inline bits(): i32 { return 2 }
  @inline zero(): i32 { return 0 }
  @inline uneven(): bool { return false }
  @inline fileBytes(): i32 { return 84 }
  @inline fileScale(): i32 { return 80 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 { return pairsAt(block + 16, j, t) }
  @inline fileScales(block: usize, fold: i32): u32 { return load<u8>(block + fold) }
}

export class Q3K extends Fold16 implements Stored {
  @inline run(): i32 { return 256 }
  @inline bits(): i32 { return 3 }
  @inline zero(): i32 { return 4 }
  @inline uneven(): bool { return false }
  @inline fileBytes(): i32 { return 110 }
  @inline fileScale(): i32 { return 108 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 {
    return pairsAt(block + 32, j, t) | (((load<u32>(block + 4 * t) >> j) & 0x01010101) << 2)
  }
  /** Six bits: four of a nibble, two of the bytes after the nibbles. 32 stands for 0. */
  @inline fileScales(block: usize, fold: i32): u32 {
    const low = (<u32>load<u8>(block + 96 + (fold & 7)) >> (4 * (fold >> 3))) & 15
    return (low | (((<u32>load<u8>(block + 104 + (fold & 3)) >> (2 * (fold >> 2))) & 3) << 4)) - 32
  }
}

export class Q4K extends Fold32Min implements Stored {
  @inline run(): i32 { return 256 }
  @inline bits(): i32 { return 4 }
  @inline zero(): i32 { return 0 }
  @inline uneven(): bool { return false }
  @inline fileBytes(): i32 { return 144 }
  @inline fileScale(): i32 { return 0 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 { return nibblesAt(block + 16, j, t) }
  @inline fileScales(block: usize, fold: i32): u32 { return scaleAndMin(block + 4, fold) }
}

export class Q5K extends Fold32SignedMin implements Stored {
  @inline run(): i32 { return 256 }
  @inline bits(): i32 { return 5 }
  @inline zero(): i32 { return 0 }
  @inline uneven(): bool { return false }
  @inline fileBytes(): i32 { return 176 }
  @inline fileScale(): i32 { return 0 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 {
    return nibblesAt(block + 48, j, t) | (((load<u32>(block + 16 + 4 * t) >> j) & 0x01010101) << 4)
  }
  @inline fileScales(block: usize, fold: i32): u32 { return scaleAndMin(block + 4, fold) }
}

export class Q6K extends Fold16 implements Stored {
  @inline run(): i32 { return 256 }
  @inline bits(): i32 { return 6 }
  @inline zero(): i32 { return 32 }
  @inline uneven(): bool { return false }
  @inline fileBytes(): i32 { return 210 }
  @inline fileScale(): i32 { return 208 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 {
    const low = load<u32>(block + 64 * (j >> 2) + 32 * (j & 1) + 4 * t) >> (4 * ((j >> 1) & 1))
    return (low & 0x0f0f0f0f) | (pairsAt(block + 128, j, t) << 4)
  }
  @inline fileScales(block: usize, fold: i32): u32 { return load<u8>(block + 192 + fold) }
}
