/** The pages of one cache, each with the number of texts that hold it. What is in them lies elsewhere. */
export interface Pages {
  readonly count: number
  readonly free: number
  /** A free page, now held once. There must be one. */
  take(): number
  hold(page: number): void
  /** One holder less; the last one frees it. */
  release(page: number): void
  holders(page: number): number
  /** Whether a page has been used before, so that it holds what another text left. */
  wasUsed(page: number): boolean
}

export function pages(count: number): Pages {
  const holders = new Int32Array(count)
  const used = new Uint8Array(count)
  /** Pages that were freed, the latest last: they are in memory already, so they are taken first. */
  const freed: number[] = []
  let fresh = 0
  return {
    count,
    get free() {
      return freed.length + count - fresh
    },
    take() {
      const page = freed.pop() ?? fresh++
      holders[page] = 1
      return page
    },
    hold(page) {
      holders[page]++
    },
    release(page) {
      if (--holders[page] > 0) return
      used[page] = 1
      freed.push(page)
    },
    holders: (page) => holders[page],
    wasUsed: (page) => used[page] === 1,
  }
}
