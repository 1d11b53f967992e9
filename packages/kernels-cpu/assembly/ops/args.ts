/*
 * An op's arguments are u32 words in the program. A buffer is two words: its address and the bytes from row to row.
 */
@inline export function word(args: usize, index: i32): usize { return load<usize>(args + 4 * index) }
@inline export function int(args: usize, index: i32): i32 { return load<i32>(args + 4 * index) }
@inline export function float(args: usize, index: i32): f32 { return load<f32>(args + 4 * index) }
/** Address of `row` in the buffer at `index`. */
@inline export function rowOf(args: usize, index: i32, row: i32): usize {
  return word(args, index) + <usize>row * word(args, index + 1)
}
/** First of `rows` that part `part` of `parts` takes. */
@inline export function share(rows: i32, part: i32, parts: i32): i32 { return (rows * part) / parts }

// The step, in shared memory: rows, from, pixels, ids, positions, draws, then slots, spans, tables and pages of each cache.
let step: usize = 0
export function setStep(address: usize): void { step = address }
@inline export function stepRows(): i32 { return load<i32>(step) }
@inline export function stepFrom(): i32 { return load<i32>(step, 4) }
/** f32 [3, side, side], in the first memory alone. */
@inline export function stepPixels(): usize { return load<usize>(step, 8) }
@inline export function stepId(row: i32): i32 { return load<i32>(load<usize>(step, 12) + 4 * row) }
@inline export function stepPosition(row: i32): i32 { return load<i32>(load<usize>(step, 16) + 4 * row) }
/** Four words, see `draw.ts` of @g3/backend. */
@inline export function stepDraw(row: i32): usize { return load<usize>(step, 20) + 16 * row }
@inline export function stepSlot(cache: i32, row: i32): i32 { return load<i32>(load<usize>(step + 16 * cache, 24) + 4 * row) }
/** First of the positions that `row` sees. */
@inline export function stepSeen(cache: i32, row: i32): i32 { return load<i32>(load<usize>(step + 16 * cache, 28) + 8 * row) }
/** One past the last of them. */
@inline export function stepSeenEnd(cache: i32, row: i32): i32 { return load<i32>(load<usize>(step + 16 * cache, 28) + 8 * row, 4) }
/** Where the row's page table begins; rows of one text have the same. */
@inline export function stepTable(cache: i32, row: i32): i32 { return load<i32>(load<usize>(step + 16 * cache, 32) + 4 * row) }
/** An entry of the page tables. */
@inline export function stepPage(cache: i32, entry: i32): i32 { return load<i32>(load<usize>(step + 16 * cache, 36) + 4 * entry) }
