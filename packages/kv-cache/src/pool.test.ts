import { describe, expect, it } from 'vitest'
import type { Placement } from './placement.js'
import { pool, type PoolOptions } from './pool.js'
import type { Sequence } from './sequence.js'

const coded = (code: string) => expect.objectContaining({ code: `kv-cache/${code}` })
const options: PoolOptions = { caches: [{ pages: 4, pageBytes: 1000 }], context: 600, maxRows: 300 }

/** Appends to an empty step. */
function append(step: Placement, text: Sequence, count: number): void {
  step.begin()
  text.append(step, count)
}

describe('a pool that runs out of pages', () => {
  it('says how many are missing, and changes nothing', () => {
    const made = pool(options)
    const [a, b] = [made.sequence(), made.sequence()]
    const step = made.placement(300, 2)
    append(step, a, 300)
    step.begin()
    a.append(step, 1)
    expect(() => b.append(step, 200)).toThrow(/2 of cache 0, 1 of 4 are free/)
    expect(() => b.append(step, 200)).toThrow(coded('out-of-pages'))
    expect([b.length, step.rows, step.views[0].entries]).toEqual([0, 1, 3])
    b.append(step, 128)
  })

  it('keeps to its budget', () => {
    const made = pool({ ...options, budgetBytes: 2999 })
    const text = made.sequence()
    const step = made.placement(300, 1)
    append(step, text, 256)
    expect(made.usage().bytes).toBe(2000)
    expect(() => append(step, text, 1)).toThrow(/3000 bytes of pages would be in use, and the budget is 2999/)
    expect(text.length).toBe(256)
  })

  it('first asks for some to be freed, one by one, and no more than it needs', () => {
    const made = pool(options)
    const step = made.placement(300, 1)
    const others = Array.from({ length: 4 }, () => made.sequence())
    for (const other of others) append(step, other, 1)
    made.reclaimWith(() => {
      others.pop()?.drop()
      return others.length > 0
    })
    append(step, made.sequence(), 200)
    expect(others).toHaveLength(2)
    expect(() => append(step, made.sequence(), 300)).toThrow(coded('out-of-pages'))
    expect(others).toHaveLength(0)
  })

  it('asks everyone who can free some', () => {
    const made = pool(options)
    const step = made.placement(300, 1)
    const others = [made.sequence(), made.sequence()]
    for (const other of others) {
      append(step, other, 200)
      let isHeld = true
      made.reclaimWith(() => {
        if (!isHeld) return false
        isHeld = false
        other.drop()
        return true
      })
    }
    append(step, made.sequence(), 300)
    expect(made.usage().caches[0].used).toBe(3)
  })

  it('appends nothing to a sequence that was dropped to make room for it', () => {
    const made = pool(options)
    const step = made.placement(300, 1)
    const text = made.sequence()
    append(step, text, 300)
    append(step, made.sequence(), 1)
    made.reclaimWith(() => {
      text.drop()
      return true
    })
    expect(() => append(step, text, 200)).toThrow(coded('dropped'))
    expect([step.rows, made.usage().caches[0].used]).toEqual([0, 1])
  })

  it('needs no page for a copy once nobody else holds the original', () => {
    const made = pool({ ...options, caches: [{ pages: 1 }] })
    const text = made.sequence()
    const step = made.placement(300, 1)
    append(step, text, 1)
    const fork = text.fork()
    expect(() => append(step, text, 1)).toThrow(coded('out-of-pages'))
    made.reclaimWith(() => {
      fork.drop()
      return true
    })
    append(step, text, 1)
    expect(step.copies).toEqual([])
  })
})

describe('a placement', () => {
  const made = pool(options)

  it('takes rows of a sequence once a step, and not those of a fork of what it just took', () => {
    const step = made.placement(8, 4)
    const [a, b] = [made.sequence(), made.sequence()]
    a.append(step, 1)
    b.append(step, 3)
    expect(() => a.append(step, 1)).toThrow(coded('placement'))
    expect(() => b.append(step, 1)).toThrow(coded('placement'))
    const fork = a.fork()
    expect(() => fork.append(step, 1)).toThrow(coded('placement'))
    expect([a.length, b.length, step.rows]).toEqual([1, 3, 4])
    append(step, fork, 1)
    expect(step.positions[0]).toBe(1)
    for (const text of [a, b, fork]) text.drop()
  })

  it('refuses rows and tables that do not fit, and sequences of another pool', () => {
    const [a, b] = [made.sequence(), made.sequence()]
    expect(() => a.append(made.placement(2, 1), 3)).toThrow(/3 more rows/)
    const other = pool(options)
    expect(() => a.append(other.placement(2, 1), 1)).toThrow(/another pool/)
    const wide = pool({ ...options, context: 128, caches: [{ pages: 9 }] })
    const step = wide.placement(9, 1)
    wide.sequence().append(step, 1)
    expect(() => wide.sequence().append(step, 1)).toThrow(/page tables of 1 entries/)
    expect([a.length, b.length]).toEqual([0, 0])
  })

  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 31])('of %s rows or sequences is refused', (size) => {
    expect(() => made.placement(size, 1)).toThrow(coded('size'))
    expect(() => made.placement(1, size)).toThrow(coded('size'))
  })
})

describe('a pool', () => {
  it.each([
    { caches: [] },
    { context: 0 },
    { maxRows: 1.5 },
    { slack: -1 },
    { budgetBytes: 0 },
    { budgetBytes: NaN },
    { caches: [{ pages: 0 }] },
    { caches: [{ pages: 2 ** 25 }] },
    { caches: [{ pages: 1, window: 0 }] },
    { caches: [{ pages: 1, pageBytes: NaN }] },
  ])('of %o is refused', (change) => {
    expect(() => pool({ ...options, ...change })).toThrow(coded('size'))
  })
})
