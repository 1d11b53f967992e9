import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { placement, type Block, type Placement } from './placement.js'
import { linear, ring, type CachePlan } from './plan.js'
import { sequence, type Sequence } from './sequence.js'
import { naiveModel, type NaiveModel } from './testing/naive-model.js'

type Command =
  | { readonly kind: 'append'; readonly count: number; readonly block: readonly [number, number] | undefined }
  | { readonly kind: 'rewind'; readonly back: number }
  | { readonly kind: 'reset' }

const commands = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        count: fc.integer({ min: 1, max: 12 }),
        block: fc.option(fc.tuple(fc.nat(11), fc.nat(11)), { nil: undefined }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('rewind' as const), back: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const) }) },
  ),
  { maxLength: 40 },
)

const CONTEXT = 90

function play(list: readonly Command[], plans: readonly CachePlan[], maxRows: number): void {
  const tested = sequence(plans, { context: CONTEXT, maxRows })
  const truth = naiveModel(plans)
  const step = placement({ caches: plans.length, maxRows })
  for (const command of list) {
    switch (command.kind) {
      case 'append':
        playAppend(command, tested, truth, step)
        break
      case 'rewind': {
        const to = Math.max(0, tested.length - command.back)
        const possible = truth.canRewind(to) || to === 0
        expect(tested.canRewind(to)).toBe(possible)
        if (possible) {
          tested.rewind(to)
          truth.rewind(to)
        } else {
          const before = tested.length
          expect(() => tested.rewind(to)).toThrow(
            expect.objectContaining({ code: expect.stringMatching(/^kv-cache\//) }),
          )
          expect(tested.length).toBe(before)
        }
        break
      }
      case 'reset':
        tested.reset()
        truth.rewind(0)
        break
      default:
        command satisfies never
    }
    expect(tested.length).toBe(truth.length)
    expect(tested.remaining).toBe(CONTEXT - truth.length)
  }
}

function playAppend(
  { count, block }: Extract<Command, { kind: 'append' }>,
  tested: Sequence,
  truth: NaiveModel,
  step: Placement,
): void {
  const maxRows = step.positions.length
  step.rows = 0
  if (count > maxRows || count > tested.remaining) {
    expect(() => tested.append(step, count)).toThrow(
      expect.objectContaining({ code: count > maxRows ? 'kv-cache/step' : 'kv-cache/full' }),
    )
    expect(step.rows).toBe(0)
    return
  }
  const blocks = block === undefined ? [] : [blockWithin(block, tested.length, count)]
  const rows = { first: 0, count }
  tested.append(step, count, blocks)
  truth.store(step, rows, blocks)
  truth.check(step, rows)
}

/** Any two numbers made into a block of the step. */
function blockWithin([a, b]: readonly [number, number], from: number, count: number): Block {
  const [start, last] = [a % count, b % count].sort((x, y) => x - y)
  return { start: from + start, end: from + last + 1 }
}

describe('a sequence agrees with the naive model', () => {
  it.each([
    { name: 'ring and linear', window: 8, slack: 12, maxRows: 12 },
    { name: 'a ring with no slack to spare', window: 9, slack: 7, maxRows: 8 },
    { name: 'a window of one', window: 1, slack: 4, maxRows: 4 },
    { name: 'a window smaller than an image', window: 3, slack: 12, maxRows: 12 },
    { name: 'a ring that the context never fills', window: 70, slack: 30, maxRows: 12 },
  ])('$name', ({ window, slack, maxRows }) => {
    const plans = [ring({ window, slack, context: CONTEXT }), linear({ context: CONTEXT })]
    fc.assert(
      fc.property(commands, (list) => play(list, plans, maxRows)),
      { numRuns: 150, seed: 3 },
    )
  })
})

describe('sequence', () => {
  const local = ring({ window: 16, slack: 8, context: 1000 })
  const open = (): Sequence => sequence([local], { context: 1000, maxRows: 8 })
  const step = placement({ caches: 1, maxRows: 8 })
  /** Appends to an empty step. */
  const append = (text: Sequence, count: number, blocks?: readonly Block[]): Placement => {
    step.rows = 0
    text.append(step, count, blocks)
    return step
  }


  it('splits the span where the ring wraps', () => {
    const text = open()
    for (let i = 0; i < 3; i++) append(text, 8)
    const { views } = append(text, 1)
    expect([...views[0].slots.subarray(0, 1)]).toEqual([0])
    expect([...views[0].spans.subarray(0, 4)]).toEqual([9, 24, 0, 1])
  })

  it.each([
    [[{ start: 0, end: 4 }], 'starts before the step'],
    [[{ start: 6, end: 9 }], 'ends after the step'],
    [[{ start: 6, end: 6 }], 'is empty'],
    [
      [
        { start: 5, end: 8 },
        { start: 5, end: 8 },
      ],
      'overlaps another',
    ],
    [[{ start: NaN, end: 8 }], 'is not a number'],
  ])('refuses an image that %s', (blocks) => {
    const text = open()
    append(text, 4)
    expect(() => append(text, 4, blocks)).toThrow(expect.objectContaining({ code: 'kv-cache/block' }))
    expect(text.length).toBe(4)
  })

  it('does not rewind into an image, but to its ends', () => {
    const text = open()
    append(text, 8, [{ start: 2, end: 6 }])
    expect(() => text.rewind(3)).toThrow(expect.objectContaining({ code: 'kv-cache/block' }))
    text.rewind(6)
    text.rewind(2)
    expect(text.canRewind(1)).toBe(true)
  })

  it('does not rewind to what a ring has overwritten, and can start anew', () => {
    const text = open()
    for (let i = 0; i < 10; i++) append(text, 8)
    expect(text.canRewind(71)).toBe(true)
    expect(() => text.rewind(70)).toThrow(expect.objectContaining({ code: 'kv-cache/rewound-past-window' }))
    text.rewind(71)
    expect(() => text.rewind(70)).toThrow(expect.objectContaining({ code: 'kv-cache/rewound-past-window' }))
    text.rewind(0)
    expect(append(text, 1).positions[0]).toBe(0)
  })

  it.each([-1, 9, 1.5, NaN])('does not rewind to a length of %s', (to) => {
    const text = open()
    append(text, 8)
    expect(text.canRewind(to)).toBe(false)
    expect(() => text.rewind(to)).toThrow(expect.objectContaining({ code: 'kv-cache/length' }))
  })

  it.each([0, -1, 9, 0.5, NaN])('refuses a step of %s rows', (count) => {
    const text = open()
    expect(() => append(text, count)).toThrow(expect.objectContaining({ code: 'kv-cache/step' }))
  })

  it('refuses a plan that is too small for its steps', () => {
    expect(() => sequence([ring({ window: 16, slack: 8, context: 1000 })], { context: 1000, maxRows: 10 })).toThrow(
      expect.objectContaining({ code: 'kv-cache/size' }),
    )
    expect(() => sequence([linear({ context: 99 })], { context: 1000, maxRows: 1 })).toThrow(/hold the 1000/)
  })
})

describe('plans', () => {
  it('hold what they say, in whole groups of 8', () => {
    expect(ring({ window: 512, slack: 256, context: 32768 })).toEqual({ first: 0, slots: 768, window: 512 })
    expect(ring({ window: 512, slack: 257, context: 32768 }).slots).toBe(776)
    expect(ring({ window: 512, slack: 256, context: 100 })).toEqual({ first: 0, slots: 104, window: 512 })
    expect(linear({ context: 4097 })).toEqual({ first: 0, slots: 4104, window: undefined })
  })

  it.each([0, -5, 1.5, NaN, Infinity, 2 ** 31])('refuse a size of %s', (size) => {
    expect(() => linear({ context: size })).toThrow(expect.objectContaining({ code: 'kv-cache/size' }))
    expect(() => ring({ window: size, slack: 8, context: 64 })).toThrow(/window/)
    expect(() => ring({ window: 8, slack: size, context: 64 })).toThrow(/slack/)
  })
})
