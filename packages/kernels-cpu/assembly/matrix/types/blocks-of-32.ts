import { Fold32, Fold32Min, Fold32SignedMin } from '../../lib/layout'
import { Stored } from '../stored'

/*
 * Types with a scale of their own for each 32 columns. Formulas and layouts: `dequant/blocks-of-32.ts` of @g3/backend.
 */

/** Nibbles of 32 elements: 4t … in the low halves of bytes 4t …, 16 + 4t … in the high ones. */
@inline export function nibblesAt(bytes: usize, t: i32): u32 {
  return (load<u32>(bytes + 4 * (t & 3)) >> (4 * (t >> 2))) & 0x0f0f0f0f
}

/** Bits 4t … of the u32 at `bytes`, as bit 4 of a byte each. */
@inline function fifthsAt(bytes: usize, t: i32): u32 {
  return ((((load<u32>(bytes) >> (4 * t)) & 15) * 0x00204081) & 0x01010101) << 4
}

export class Q40 extends Fold32 implements Stored {
  @inline run(): i32 { return 32 }
  @inline bits(): i32 { return 4 }
  @inline zero(): i32 { return 8 }
  @inline uneven(): bool { return false }
  @inline fileBytes(): i32 { return 18 }
  @inline fileScale(): i32 { return 0 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 { return nibblesAt(block + 2, t) }
  @inline fileScales(block: usize, fold: i32): u32 { return 0 }
}

export class Q41 extends Fold32Min implements Stored {
  @inline run(): i32 { return 32 }
  @inline bits(): i32 { return 4 }
  @inline zero(): i32 { return 0 }
  @inline uneven(): bool { return false }
  @inline fileBytes(): i32 { return 20 }
  @inline fileScale(): i32 { return 0 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 { return nibblesAt(block + 4, t) }
  @inline fileScales(block: usize, fold: i32): u32 { return 0 }
}

export class Q50 extends Fold32 implements Stored {
  @inline run(): i32 { return 32 }
  @inline bits(): i32 { return 5 }
  @inline zero(): i32 { return 16 }
  @inline uneven(): bool { return false }
  @inline fileBytes(): i32 { return 22 }
  @inline fileScale(): i32 { return 0 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 { return nibblesAt(block + 6, t) | fifthsAt(block + 2, t) }
  @inline fileScales(block: usize, fold: i32): u32 { return 0 }
}

export class Q51 extends Fold32SignedMin implements Stored {
  @inline run(): i32 { return 32 }
  @inline bits(): i32 { return 5 }
  @inline zero(): i32 { return 0 }
  @inline uneven(): bool { return false }
  @inline fileBytes(): i32 { return 24 }
  @inline fileScale(): i32 { return 0 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 { return nibblesAt(block + 8, t) | fifthsAt(block + 4, t) }
  @inline fileScales(block: usize, fold: i32): u32 { return 0 }
}

export class Q80 extends Fold32 implements Stored {
  @inline run(): i32 { return 32 }
  @inline bits(): i32 { return 8 }
  @inline zero(): i32 { return 0 }
  @inline uneven(): bool { return false }
  @inline fileBytes(): i32 { return 34 }
  @inline fileScale(): i32 { return 0 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 { return load<u32>(block + 2 + 4 * t) }
  @inline fileScales(block: usize, fold: i32): u32 { return 0 }
}
