import { Fold32 } from '../../lib/layout'
import { Stored } from '../stored'
import { nibblesAt } from './blocks-of-32'

/*
 * Types whose nibbles choose one of 16 levels that are not evenly spaced. Formulas and layouts:
 * `dequant/tables-of-16.ts` of @g3/backend.
 */

export class IQ4NL extends Fold32 implements Stored {
  @inline run(): i32 { return 32 }
  @inline bits(): i32 { return 4 }
  @inline zero(): i32 { return 0 }
  @inline uneven(): bool { return true }
  @inline fileBytes(): i32 { return 18 }
  @inline fileScale(): i32 { return 0 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 { return nibblesAt(block + 2, t) }
  @inline fileScales(block: usize, fold: i32): u32 { return 0 }
}

export class IQ4XS extends Fold32 implements Stored {
  @inline run(): i32 { return 256 }
  @inline bits(): i32 { return 4 }
  @inline zero(): i32 { return 0 }
  @inline uneven(): bool { return true }
  @inline fileBytes(): i32 { return 136 }
  @inline fileScale(): i32 { return 0 }
  @inline fileLevels(block: usize, j: i32, t: i32): u32 { return nibblesAt(block + 8 + 16 * j, t) }
  /** Six bits: four of a nibble, two of the u16 before the nibbles. 32 stands for 0. */
  @inline fileScales(block: usize, fold: i32): u32 {
    const low = (<u32>load<u8>(block + 4 + (fold >> 1)) >> (4 * (fold & 1))) & 15
    return (low | (((<u32>load<u16>(block, 2) >> (2 * fold)) & 3) << 4)) - 32
  }
}
