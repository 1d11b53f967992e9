import { storeKey, storeValue } from '../cache/forms'
import { PAGE } from '../lib/layout'
import { int, rowOf, stepFrom, stepId, stepSlot, word } from './args'

/** store: k 0-1, v 2-3, keys 4, values 5, cache 6, kvHeads 7, headDim 8, bytes of a page's keys or values 9, form 10 */
export function storeRows(args: usize, first: i32, last: i32): void {
  const cache = int(args, 6), kvHeads = int(args, 7), dim = int(args, 8), form = int(args, 10)
  for (let r = first; r < last; r++) {
    const slot = stepSlot(cache, r), page = <usize>(slot / PAGE) * word(args, 9)
    for (let h = 0; h < kvHeads; h++) {
      const head = 4 * h * dim
      storeKey(form, rowOf(args, 0, r) + head, word(args, 4) + page, h, kvHeads, slot % PAGE, dim)
      storeValue(form, rowOf(args, 2, r) + head, word(args, 5) + page, h, kvHeads, slot % PAGE, dim)
    }
  }
}

/** copyPage: keys 0, values 1, bytes of a page of either 2. The step's first id is the page that becomes what its `from` is, or zeros. */
export function copyPage(args: usize, part: i32, parts: i32): void {
  const bytes = word(args, 2), from = stepFrom(), to = <usize>stepId(0) * bytes
  for (let i = part; i < 2; i += parts) {
    const base = word(args, i)
    if (from < 0) memory.fill(base + to, 0, bytes)
    else memory.copy(base + to, base + <usize>from * bytes, bytes)
  }
}
