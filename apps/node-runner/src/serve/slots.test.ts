import { describe, expect, it } from 'vitest'
import { slots } from './slots.js'

const never = new AbortController().signal

describe('places for texts', () => {
  it('are given in the order of asking, and refused where too many wait', async () => {
    const places = slots({ total: 1, queue: 2 })
    const first = await places.claim(never)
    const order: string[] = []
    const second = places.claim(never).then((place) => (order.push('second'), place))
    const third = places.claim(never).then((place) => (order.push('third'), place))
    await expect(places.claim(never)).rejects.toMatchObject({
      status: 429,
      details: { retryAfter: expect.any(Number) },
    })
    expect([places.taken, places.waiting]).toEqual([1, 2])
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    ;(await second)[Symbol.dispose]()
    ;(await third)[Symbol.dispose]()
    expect(order).toEqual(['second', 'third'])
    expect([places.taken, places.waiting]).toEqual([0, 0])
  })

  it('are not kept for those who left the line', async () => {
    const places = slots({ total: 1, queue: 2 })
    const first = await places.claim(never)
    const left = new AbortController()
    const second = places.claim(left.signal)
    const third = places.claim(never)
    left.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    first[Symbol.dispose]()
    ;(await third)[Symbol.dispose]()
    expect([places.taken, places.waiting]).toEqual([0, 0])
  })

  it('are all free once they have drained, and nobody new gets in', async () => {
    const places = slots({ total: 1, queue: 2 })
    const first = await places.claim(never)
    const waiting = places.claim(never)
    let isDrained = false
    const drained = places.drain().then(() => (isDrained = true))
    await expect(waiting).rejects.toMatchObject({ status: 503 })
    await expect(places.claim(never)).rejects.toMatchObject({ status: 503 })
    expect(isDrained).toBe(false)
    first[Symbol.dispose]()
    await drained
  })
})
