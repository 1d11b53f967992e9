import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { placement, type Placement } from './placement.js'
import { linear, regions, ring } from './plan.js'
import { sequence, type Sequence } from './sequence.js'
import { naiveMemory, naiveModel, type NaiveModel } from './testing/naive-model.js'

const CONTEXT = 90
const SEQUENCES = 4
const MAX_ROWS = 9

interface Pair {
  readonly tested: Sequence
  readonly truth: NaiveModel
}

/** Sequences side by side in the same caches, each with its naive model over the same memory. */
function pairs(window: number, slack: number): readonly Pair[] {
  const caches = [ring({ window, slack, context: CONTEXT }), linear({ context: CONTEXT })].map((plan) =>
    regions(plan, SEQUENCES),
  )
  const memory = naiveMemory(caches.length)
  return Array.from({ length: SEQUENCES }, (_, owner) => {
    const plans = caches.map((cache) => cache.plans[owner])
    return {
      tested: sequence(plans, { context: CONTEXT, maxRows: MAX_ROWS }),
      truth: naiveModel(plans, memory, owner),
    }
  })
}

/** One step: some sequences with a row or a few, in any order; or one goes back. */
type Command =
  | { readonly kind: 'step'; readonly counts: readonly (readonly [number, number])[] }
  | { readonly kind: 'rewind'; readonly owner: number; readonly back: number }

const owner = fc.nat(SEQUENCES - 1)
const counts = fc.uniqueArray(
  fc.tuple(
    owner,
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: MAX_ROWS }) },
    ),
  ),
  { selector: ([index]) => index, minLength: 1, maxLength: SEQUENCES },
)
const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('step' as const), counts }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('rewind' as const), owner, back: fc.nat(20) }) },
  ),
  { maxLength: 40 },
)

function playStep(all: readonly Pair[], step: Placement, wanted: readonly (readonly [number, number])[]): void {
  step.rows = 0
  const joined: { truth: NaiveModel; rows: { first: number; count: number } }[] = []
  for (const [index, count] of wanted) {
    const { tested, truth } = all[index]
    const before = tested.length
    const first = step.rows
    if (count > tested.remaining || first + count > step.positions.length) {
      expect(() => tested.append(step, count)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^kv-cache\/(?:full|placement)$/) }),
      )
      expect([tested.length, step.rows]).toEqual([before, first])
      continue
    }
    tested.append(step, count)
    expect([tested.length, step.rows]).toEqual([before + count, first + count])
    joined.push({ truth, rows: { first, count } })
  }
  for (const { truth, rows } of joined) truth.store(step, rows)
  for (const { truth, rows } of joined) truth.check(step, rows)
}

function playRewind({ tested, truth }: Pair, back: number): void {
  const to = Math.max(0, tested.length - back)
  const possible = to === 0 || truth.canRewind(to)
  expect(tested.canRewind(to)).toBe(possible)
  if (!possible) return
  tested.rewind(to)
  truth.rewind(to)
}

describe('sequences in regions of the same caches agree with the naive model', () => {
  it.each([
    { name: 'rings that wrap', window: 8, slack: MAX_ROWS },
    { name: 'no slack to spare', window: 8, slack: MAX_ROWS - 1 },
    { name: 'a window of one', window: 1, slack: MAX_ROWS },
    { name: 'rings that the context never fills', window: 70, slack: 30 },
  ])('$name', ({ window, slack }) => {
    fc.assert(
      fc.property(commands, (list) => {
        const all = pairs(window, slack)
        // Less than all could bring, so that some steps have no room.
        const step = placement({ caches: 2, maxRows: 2 * MAX_ROWS })
        for (const command of list) {
          if (command.kind === 'step') playStep(all, step, command.counts)
          else playRewind(all[command.owner], command.back)
        }
      }),
      { numRuns: 150, seed: 5 },
    )
  })
})

describe('regions', () => {
  const plan = ring({ window: 512, slack: 256, context: 8192 })

  it('start where chunks of kernels do, and one takes no more than its plan', () => {
    expect(regions(plan, 1)).toEqual({ slots: 768, plans: [plan] })
    expect(regions(linear({ context: 1000 }), 3)).toEqual({
      slots: 3048,
      plans: [0, 1024, 2048].map((first) => ({ first, slots: 1000, window: undefined })),
    })
  })

  it.each([0, -1, 1.5, NaN, Infinity])('refuses %s of them', (count) => {
    expect(() => regions(plan, count)).toThrow(expect.objectContaining({ code: 'kv-cache/size' }))
  })

  it('refuses more slots than have a number, without trying', () => {
    expect(() => regions(plan, 2 ** 30)).toThrow(/slots in all/)
  })
})

describe('a placement', () => {
  const plan = ring({ window: 8, slack: 4, context: 64 })
  const [a, b] = regions(plan, 2).plans.map((place) => sequence([place], { context: 64, maxRows: 4 }))
  const coded = expect.objectContaining({ code: 'kv-cache/placement' })

  it('takes rows of a sequence once a step', () => {
    const step = placement({ caches: 1, maxRows: 8 })
    a.append(step, 1)
    b.append(step, 3)
    expect(() => a.append(step, 1)).toThrow(coded)
    expect(() => b.append(step, 1)).toThrow(coded)
    expect([a.length, b.length, step.rows]).toEqual([1, 3, 4])
    step.rows = 0
    a.append(step, 1)
    expect(step.positions[0]).toBe(1)
  })

  it('refuses rows that do not fit, other caches, and a count of rows that is none', () => {
    const before = a.length
    const of = (caches: number, rows: number) => ({ ...placement({ caches, maxRows: 2 }), rows })
    for (const step of [of(1, 1), of(2, 0), of(1, NaN), of(1, -1), of(1, 0.5)]) {
      expect(() => a.append(step, 2)).toThrow(coded)
    }
    expect(a.length).toBe(before)
  })

  it.each([0, -1, 1.5, NaN])('of %s rows or caches is refused', (size) => {
    expect(() => placement({ caches: 1, maxRows: size })).toThrow(expect.objectContaining({ code: 'kv-cache/size' }))
    expect(() => placement({ caches: size, maxRows: 1 })).toThrow(expect.objectContaining({ code: 'kv-cache/size' }))
    expect(() => sequence([], { context: 1, maxRows: 1 })).toThrow(expect.objectContaining({ code: 'kv-cache/size' }))
  })
})
