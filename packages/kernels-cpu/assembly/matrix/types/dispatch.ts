import { IQ4_NL, IQ4_XS, Q2_K, Q3_K, Q4_0, Q4_1, Q4_K, Q5_0, Q5_1, Q5_K, Q6_K, Q8_0, traits } from '../../lib/layout'
import { Q40, Q41, Q50, Q51, Q80 } from './blocks-of-32'
import { Q2K, Q3K, Q4K, Q5K, Q6K } from './k-quants'
import { IQ4NL, IQ4XS } from './uneven'

/**
 * Runs `K.of<T>(from, to, cols, other)` with the class T of a quantised type. K is a class with that method, never
 * made.
 */
export function dispatch<K>(type: i32, from: usize, to: usize, cols: i32, other: usize): void {
  switch (type) {
    case Q4_0: traits<K>().of<Q40>(from, to, cols, other); break
    case Q4_1: traits<K>().of<Q41>(from, to, cols, other); break
    case Q5_0: traits<K>().of<Q50>(from, to, cols, other); break
    case Q5_1: traits<K>().of<Q51>(from, to, cols, other); break
    case Q8_0: traits<K>().of<Q80>(from, to, cols, other); break
    case Q2_K: traits<K>().of<Q2K>(from, to, cols, other); break
    case Q3_K: traits<K>().of<Q3K>(from, to, cols, other); break
    case Q4_K: traits<K>().of<Q4K>(from, to, cols, other); break
    case Q5_K: traits<K>().of<Q5K>(from, to, cols, other); break
    case Q6_K: traits<K>().of<Q6K>(from, to, cols, other); break
    case IQ4_NL: traits<K>().of<IQ4NL>(from, to, cols, other); break
    case IQ4_XS: traits<K>().of<IQ4XS>(from, to, cols, other); break
    default: unreachable()
  }
}
