/** A text that waits with tokens to be read: one that follows its last, or a prompt. */
export interface Reader {
  /** Tokens that are still to be read, at least 1. */
  readonly left: number
}

/** How many of its tokens a text reads in a pass. */
export interface Share<R extends Reader> {
  readonly reader: R
  readonly count: number
}

/** Tokens of prompts in a pass in which others get their next one, so that these come about as often as before. */
const ROWS_BESIDE_OTHERS = 64

/**
 * Who reads what in the next pass. All who wait with one token read it. Prompts get what room there is in equal parts,
 * and what short ones leave of theirs goes to the others: so a long prompt delays neither those being written nor a short
 * one.
 *
 * Source: Agrawal et al., Sarathi-Serve: Taming Throughput-Latency Tradeoff in LLM Inference (OSDI 2024).
 * @param passRows tokens that a pass takes at most; no fewer than there are readers
 */
export function shareRows<R extends Reader>(readers: readonly R[], passRows: number): readonly Share<R>[] {
  const prompts = readers.filter(({ left }) => left > 1).toSorted((a, b) => a.left - b.left)
  const ones = readers.length - prompts.length
  let room = Math.min(passRows - ones, ones > 0 ? ROWS_BESIDE_OTHERS : passRows)
  const shares: Share<R>[] = readers.filter(({ left }) => left === 1).map((reader) => ({ reader, count: 1 }))
  for (const [i, reader] of prompts.entries()) {
    const count = Math.min(reader.left, Math.ceil(room / (prompts.length - i)))
    if (count > 0) shares.push({ reader, count })
    room -= count
  }
  return shares
}
