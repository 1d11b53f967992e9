import { describe, expect, it } from 'vitest'
import type { Block } from './blocks.js'
import { pool, type Pool } from './pool.js'
import { imageKeys, prefixTree } from './prefix-tree.js'
import type { Sequence } from './sequence.js'

const coded = (code: string) => expect.objectContaining({ code: `kv-cache/${code}` })

const globalOnly = (pages = 60): Pool => pool({ caches: [{ pages }], context: 1000, maxRows: 1000 })
const windowed = (): Pool =>
  pool({ caches: [{ window: 100, pages: 60 }, { pages: 60 }], context: 1000, maxRows: 1000, slack: 20 })

/** A text of so many positions. */
function textOf(made: Pool, length: number, blocks?: readonly Block[]): Sequence {
  const text = made.sequence()
  text.append(made.placement(length, 1), length, blocks)
  return text
}

/** Keys from ranges: `keys([0, 300], [7000, 7100])`. */
const keys = (...ranges: readonly (readonly [number, number])[]): Int32Array =>
  Int32Array.from(ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i)))

/** Keeps a checkpoint whose sequence nobody else holds. */
function keep(tree: ReturnType<typeof prefixTree>, made: Pool, of: Int32Array, blocks?: readonly Block[]): void {
  const text = textOf(made, of.length, blocks)
  tree.keep(text, of)
  text.drop()
}

describe('a prefix tree', () => {
  it('finds how much is shared, and goes back to there where all is held', () => {
    const made = globalOnly()
    const tree = prefixTree(made, { checkpoints: 4 })
    keep(tree, made, keys([0, 300]))
    const found = tree.find(keys([0, 200], [900, 950]))
    expect([found.shared, found.length]).toEqual([200, 200])
    const start = found.start()
    expect(start.length).toBe(200)
    expect(tree.find(keys([0, 300], [5, 9])).length).toBe(300)
    expect(tree.find(keys([1, 9])).length).toBe(0)
    expect(tree.find(new Int32Array(0)).shared).toBe(0)
  })

  it('goes back no further than windows allow, else to a shallower checkpoint', () => {
    const made = windowed()
    const tree = prefixTree(made, { checkpoints: 4 })
    keep(tree, made, keys([0, 150]))
    keep(tree, made, keys([0, 800]))
    expect(tree.find(keys([0, 800])).length).toBe(800)
    expect(tree.find(keys([0, 790], [0, 5])).length).toBe(790)
    const far = tree.find(keys([0, 500], [0, 5]))
    expect([far.shared, far.length]).toEqual([500, 150])
    expect(far.start().length).toBe(150)
  })

  it('finds the deepest start also in a text that parts earlier', () => {
    const made = windowed()
    const tree = prefixTree(made, { checkpoints: 4 })
    keep(tree, made, keys([0, 400], [7000, 7010]))
    keep(tree, made, keys([0, 900]))
    // The second shares 600 positions, but holds only the end; the first shares 400 and can go back to them.
    const found = tree.find(keys([0, 600], [1, 2]))
    expect([found.shared, found.length]).toEqual([600, 400])
  })

  it('never begins a text within an image', () => {
    const made = globalOnly()
    const tree = prefixTree(made, { checkpoints: 4 })
    keep(tree, made, keys([0, 300]), [{ start: 100, end: 200 }])
    const found = tree.find(keys([0, 150], [1, 2]))
    expect([found.shared, found.length]).toEqual([150, 100])
    expect(found.start().blocks).toEqual([])
    expect(tree.find(keys([0, 200], [1, 2])).start().blocks).toHaveLength(1)
  })

  it('tells where texts part, through edges that were split and joined again', () => {
    const made = globalOnly()
    const tree = prefixTree(made, { checkpoints: 9 })
    const texts = [
      keys([0, 300]),
      keys([0, 200], [500, 550]),
      keys([0, 200]),
      keys([0, 100], [600, 650]),
      keys([9, 19]),
    ]
    for (const text of texts) keep(tree, made, text)
    const expectAll = (from: number): void => {
      for (const text of texts.slice(from)) {
        const found = tree.find(text)
        expect([found.shared, found.length]).toEqual([text.length, text.length])
        found.start().drop()
      }
    }
    expectAll(0)
    // The finds have used them in this order, so they go in it.
    for (let gone = 1; gone <= texts.length; gone++) {
      tree.evict()
      expect(tree.checkpoints).toBe(texts.length - gone)
      expectAll(gone)
    }
    expect(tree.find(texts[0]).shared).toBe(0)
    expect(tree.evict()).toBe(false)
    expect(made.usage().caches[0].used).toBe(0)
  })

  it('gives up what was not used for the longest time when there are too many', () => {
    const made = globalOnly()
    const tree = prefixTree(made, { checkpoints: 2 })
    keep(tree, made, keys([0, 10]))
    keep(tree, made, keys([20, 30]))
    tree.find(keys([0, 10]))
    keep(tree, made, keys([40, 50]))
    expect([0, 20, 40].map((from) => tree.find(keys([from, from + 10])).length)).toEqual([10, 0, 10])
    expect(tree.checkpoints).toBe(2)
  })

  it('gives up checkpoints when pages run out, and no more than it must', () => {
    const made = globalOnly(4)
    const tree = prefixTree(made, { checkpoints: 9 })
    for (const from of [0, 200, 400]) keep(tree, made, keys([from, from + 100]))
    textOf(made, 200)
    expect([tree.checkpoints, tree.find(keys([0, 100])).length]).toEqual([2, 0])
    expect(() => textOf(made, 600)).toThrow(coded('out-of-pages'))
    expect(tree.checkpoints).toBe(0)
  })

  it('keeps one checkpoint of the same keys', () => {
    const made = globalOnly()
    const tree = prefixTree(made, { checkpoints: 9 })
    keep(tree, made, keys([0, 100]))
    keep(tree, made, keys([0, 100]))
    expect([tree.checkpoints, made.usage().caches[0].used]).toEqual([1, 1])
    tree.clear()
    expect([tree.checkpoints, made.usage().caches[0].used]).toEqual([0, 0])
  })

  it('refuses other keys, none, and texts that were shifted', () => {
    const made = globalOnly()
    const tree = prefixTree(made, { checkpoints: 1 })
    const text = textOf(made, 300)
    expect(() => tree.keep(text, keys([0, 299]))).toThrow(coded('keys'))
    expect(() => tree.keep(made.sequence(), keys())).toThrow(coded('keys'))
    text.shift(0, 128)
    expect(() => tree.keep(text, keys([128, 300]))).toThrow(coded('keys'))
    expect(() => tree.find(keys([0, 1])).start()).toThrow(coded('keys'))
    expect(() => prefixTree(made, { checkpoints: 0 })).toThrow(coded('size'))
  })

  it('says so when a checkpoint has gone before it was started from', () => {
    const made = globalOnly()
    const tree = prefixTree(made, { checkpoints: 1 })
    keep(tree, made, keys([0, 100]))
    const found = tree.find(keys([0, 100]))
    tree.clear()
    expect(() => found.start()).toThrow(coded('dropped'))
  })
})

describe('keys of an image', () => {
  const hash = Uint8Array.from({ length: 32 }, (_, i) => 37 * i)

  it('are no tokens, and as many as asked', () => {
    const made = imageKeys(hash, 256)
    expect(made).toHaveLength(256)
    expect(made.every((key) => key < 0)).toBe(true)
  })

  it('differ from the first on for another image or another count', () => {
    const other = hash.slice()
    other[0] ^= 1
    expect(imageKeys(hash, 256)).toEqual(imageKeys(hash.slice(), 256))
    expect(imageKeys(other, 256)[0]).not.toBe(imageKeys(hash, 256)[0])
    expect(imageKeys(hash, 255)[0]).not.toBe(imageKeys(hash, 256)[0])
  })

  it('hold every bit of the hash but one of each word', () => {
    for (let byte = 0; byte < 32; byte++) {
      const other = hash.slice()
      other[byte] ^= 1
      expect(imageKeys(other, 256)).not.toEqual(imageKeys(hash, 256))
    }
  })

  it.each([
    [8, 256],
    [32, 3],
    [32, NaN],
  ])('are refused for %s bytes and %s positions', (bytes, count) => {
    expect(() => imageKeys(new Uint8Array(bytes), count)).toThrow(coded('keys'))
  })
})
