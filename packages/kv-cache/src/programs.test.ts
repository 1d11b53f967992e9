import fc from 'fast-check'
import { describe, it } from 'vitest'
import type { PoolOptions } from './index.js'
import { PAGE } from './sizes.js'
import { rewound } from './testing/naive-model.js'
import { world, type Part, type World } from './testing/world.js'

const CONTEXT = 1200
const MOST_ROWS = 200
const TEXTS = 4

/** What a random program does with a few texts. */
type Command =
  | { readonly kind: 'append'; readonly who: number; readonly count: number; readonly image: Image | undefined }
  | { readonly kind: 'step'; readonly of: readonly number[] }
  | { readonly kind: 'rewind'; readonly who: number; readonly back: number }
  | { readonly kind: 'shift'; readonly who: number; readonly keep: number; readonly drop: number }
  | { readonly kind: 'fork'; readonly who: number; readonly to: number }
  | { readonly kind: 'keep' | 'reset' | 'drop' | 'restore' | 'evict'; readonly who: number }
  | { readonly kind: 'find'; readonly who: number; readonly like: number; readonly back: number }

/** Any two numbers: an image between them, within the rows. */
type Image = readonly [number, number]

const who = fc.nat(TEXTS - 1)
const kind = <Kind extends string>(...kinds: Kind[]): fc.Arbitrary<Kind> => fc.constantFrom(...kinds)
const count = fc.oneof(fc.integer({ min: 1, max: MOST_ROWS }), fc.constantFrom(127, 128, 129, MOST_ROWS))
const image = fc.option(fc.tuple(fc.nat(MOST_ROWS), fc.nat(MOST_ROWS)), { nil: undefined, freq: 3 })
const pages = { keep: fc.nat(3), drop: fc.integer({ min: 1, max: 4 }) }
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: kind('append'), who, count, image }) },
  { weight: 5, arbitrary: fc.record({ kind: kind('step'), of: fc.uniqueArray(who, { minLength: 1 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('rewind'), who, back: fc.nat(400) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('shift'), who, ...pages }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('fork'), who, to: who }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('keep', 'keep', 'keep', 'restore', 'reset', 'drop', 'evict'), who }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('find'), who, like: who, back: fc.nat(300) }) },
)
const programs = fc.array(command, { minLength: 1, maxLength: 50, size: 'max' })

function run({ texts, tree, ...tested }: World, one: Command): void {
  switch (one.kind) {
    case 'append':
      return tested.append([partOf(texts[one.who], one.count, one.image)])
    case 'step':
      return tested.append(one.of.map((index) => partOf(texts[index], 1, undefined)))
    case 'rewind':
      return tested.rewind(texts[one.who], Math.max(0, texts[one.who].sequence.length - one.back))
    case 'reset':
      return tested.rewind(texts[one.who], 0)
    case 'shift':
      return tested.shift(texts[one.who], one.keep * PAGE, one.drop * PAGE)
    case 'fork':
      return tested.fork(texts[one.who], texts[one.to])
    case 'keep':
    case 'drop':
    case 'restore':
      return tested[one.kind](texts[one.who])
    case 'find': {
      const { naive } = texts[one.like]
      return tested.find(texts[one.who], rewound(naive, Math.max(0, naive.serials.length - one.back)))
    }
    case 'evict':
      tree.evict()
      return
    default:
      return one satisfies never
  }
}

function partOf(text: Part['text'], count: number, image: Image | undefined): Part {
  if (image === undefined) return { text, count, blocks: [] }
  const [start, last] = image.map((at) => text.sequence.length + (at % count)).sort((a, b) => a - b)
  return { text, count, blocks: [{ start, end: last + 1 }] }
}

describe('random programs see what they should', () => {
  it.each<readonly [string, Omit<PoolOptions, 'context' | 'maxRows'>]>([
    ['a window and all positions', { caches: [{ window: 130, pages: 60 }, { pages: 60 }] }],
    ['hardly enough pages', { caches: [{ window: 200, pages: 12 }, { pages: 13 }], slack: 40 }],
    ['a budget', { caches: [{ window: 100, pages: 90, pageBytes: 7 }, { pages: 90, pageBytes: 3 }], budgetBytes: 150 }],
    ['windows only, and no slack', { caches: [{ window: 1, pages: 30 }, { window: 64, pages: 30 }], slack: 0 }],
    ['a window beyond the context', { caches: [{ window: 5000, pages: 20 }] }],
    ['all positions only', { caches: [{ pages: 25 }] }],
  ])('%s', (_, shape) => {
    fc.assert(
      fc.property(programs, (commands) => {
        const tested = world({ ...shape, context: CONTEXT, maxRows: MOST_ROWS }, TEXTS)
        for (const one of commands) run(tested, one)
        tested.close()
      }),
      { numRuns: 350, seed: 5 },
    )
  })
})
