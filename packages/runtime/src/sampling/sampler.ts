import {
  check,
  drawAmong,
  drawOf,
  drawPlace,
  drawWeigher,
  drawWeight,
  fractionOf,
  nucleus,
  packDraw,
} from '@g3/backend'
import { editor, type Editor } from './edits.js'
import { parseSampling, type Sampling, type SamplingOptions } from './options.js'
import { words } from './random.js'
import { ranking, topK, type Ranking } from './top-k.js'
import { typicalXtc, usesTypicalOrXtc } from './typical-xtc.js'

/** Draws token ids from logits. Holds the state of its random numbers: one for each text. */
export interface Sampler {
  /** The options in use, the seed among them: passing them again repeats the draws. */
  readonly sampling: Sampling
  /** True when the temperature is 0: no random numbers, and a backend can pick by itself. */
  readonly greedy: boolean
  /**
   * @param logits [vocab]; -Infinity for ids that may not come
   * @throws G3Error `sampling/bad-logits` when no logit is finite or one is +Infinity
   */
  pick(logits: Float32Array): number
  /** Whether the chain has samplers that backends lack, so that draws are made here, of the {@link depth} largest logits. */
  readonly drawnHere: boolean
  /** How many of the largest logits decide; Infinity where all do. */
  readonly depth: number
  /**
   * As {@link pick}, from what is needed of the logits only.
   * @param ranked the {@link depth} largest, or fewer where no more are above −Infinity
   * @throws G3Error as {@link pick}
   */
  pickRanked(ranked: Ranking): number
  /**
   * As {@link pick} where other ids have a logit of -Infinity, from the largest logits of all.
   * @param ranked any number of the largest
   * @param isAllowed whether an id may come
   * @returns undefined where ids that are not ranked could make a difference; nothing is drawn then
   */
  pickAllowed(ranked: Ranking, isAllowed: (id: number) => boolean): number | undefined
  /**
   * Takes a random number for a backend, which draws the next token by itself: the one that {@link pick} would give.
   * Where {@link depth} is at most `MOST_RANKED` and {@link drawnHere} is not set.
   * @param into receives the draw, as `packDraw` writes it
   */
  draw(into: Int32Array): void
  /** What becomes of logits before; undefined: nothing. */
  readonly editor: Editor | undefined
}

/** The id of the largest logit, the lowest on ties. @throws G3Error `sampling/bad-logits` */
export function argmax(logits: Float32Array): number {
  let best = -1
  let largest = -Infinity
  for (let i = 0; i < logits.length; i++) {
    const value = logits[i]
    if (value > largest) {
      largest = value
      best = i
    }
  }
  checkLargest(largest)
  return best
}

const checkLargest = (logit: number): void =>
  check(
    logit > -Infinity && logit < Infinity,
    'sampling/bad-logits',
    'no token can be chosen: the logits hold no finite maximum',
  )

function checkRanked({ values, size }: Ranking): void {
  checkLargest(size > 0 ? values[0] : -Infinity)
}

/** The largest allowed one, if it is ranked: what is not ranked is smaller, or has a higher id. */
function firstAllowed({ ids, size }: Ranking, isAllowed: (id: number) => boolean): number | undefined {
  for (let n = 0; n < size; n++) if (isAllowed(ids[n])) return ids[n]
  return undefined
}

function first(ranked: Ranking): number {
  checkRanked(ranked)
  return ranked.ids[0]
}

/** No vocabulary has more. */
const MOST_IDS = 2 ** 24

/** Ids that are weighed together, where all are looked at. */
const BLOCK = 1024

/** Without a top-k limit the ranking starts with this many and grows until it covers top-p. */
const FIRST_RANKING = 256

/**
 * The chain has llama.cpp's default order: top-k, typical, top-p, min-p, XTC, temperature. So all look at the
 * probabilities before the temperature changes them. Drawing walks the remaining tokens from the likeliest down (or by
 * id, where nothing limits them), so one random number decides. All in whole numbers, see `draw.ts` of `@g3/backend`: a
 * seed draws the same tokens on every machine and backend.
 * @param textOf the text of a token, which DRY's breakers need
 * @throws G3Error `sampling/bad-option`
 */
export function sampler(options?: SamplingOptions, textOf?: (id: number) => string): Sampler {
  const sampling = parseSampling(options)
  const { temperature } = sampling
  const word = words(sampling.seed)
  /** A number that was looked at but not drawn. */
  let kept: number | undefined
  const random = (): number => {
    const next = kept ?? word()
    kept = undefined
    return next
  }
  const edits = editor(sampling, textOf)
  const depth = temperature === 0 ? 1 : sampling.topK || Infinity
  const draw = (into: Int32Array): void =>
    packDraw({ ...sampling, topK: depth }, temperature === 0 ? 0 : random(), into)
  if (temperature === 0) {
    const picks = { pick: argmax, pickRanked: first, pickAllowed: firstAllowed }
    return { sampling, greedy: true, drawnHere: false, depth, ...picks, draw, editor: edits }
  }

  let held: Ranking = ranking(0)
  /** Made for texts whose sampler looks at all logits. */
  let weigh: typeof drawWeight | undefined
  let blocks = new Float64Array(0)

  /** Ranks `count` logits; `held` grows to hold them. */
  const rank = (logits: Float32Array, count: number): Ranking => {
    if (held.ids.length < count) held = ranking(count)
    topK(logits, count, held)
    return held
  }

  const chain = usesTypicalOrXtc(sampling) ? typicalXtc(sampling, random) : undefined

  const pickRanked = (ranked: Ranking): number => {
    checkRanked(ranked)
    if (chain) return chain(ranked)
    return ranked.ids[drawPlace(ranked.values, ranked.size, drawOf(sampling, random()))]
  }

  let allowed: Ranking = ranking(0)

  const pickAllowed = ({ ids, values, size }: Ranking, isAllowed: (id: number) => boolean): number | undefined => {
    if (allowed.ids.length < size) allowed = ranking(size)
    let count = 0
    for (let n = 0; n < size && count < depth; n++) {
      if (!isAllowed(ids[n])) continue
      allowed.ids[count] = ids[n]
      allowed.values[count++] = values[n]
    }
    if (count === 0) return undefined
    if (chain) {
      allowed.size = count
      return count === depth ? chain(allowed) : undefined
    }
    const next = random()
    const own = drawOf(sampling, next)
    const largest = allowed.values[0]
    let least = 0
    for (let n = 0; n < count; n++) least += drawWeight(largest, allowed.values[n])
    // Allowed ids that are not ranked weigh no more than the last one that is.
    const most = least + (Math.min(depth, MOST_IDS) - count) * drawWeight(largest, values[size - 1])
    const places = placesFor(count, least, most, own.threshold)
    if (places !== undefined) return allowed.ids[drawAmong(allowed.values, places, own)]
    kept = next
    return undefined
  }

  /** How many of the allowed top-p keeps, if that is so whatever all of them weigh between `least` and `most`. */
  const placesFor = (count: number, least: number, most: number, threshold: number): number | undefined => {
    if (threshold === 0) return most === least && depth < Infinity ? count : undefined
    const covered = nucleus(allowed.values, count, fractionOf(least, threshold))
    return covered === nucleus(allowed.values, count, fractionOf(most, threshold)) ? covered : undefined
  }

  /** No top-k: ranks ever more tokens until they cover top-p of all. */
  const drawNucleus = (logits: Float32Array, largest: number): number => {
    const own = drawOf(sampling, random())
    let mass = 0
    weigh ??= drawWeigher()
    for (let i = 0; i < logits.length; i++) mass += weigh(largest, logits[i])
    const enough = fractionOf(mass, own.threshold)
    for (let count = FIRST_RANKING; ; count *= 8) {
      const { ids, values, size } = rank(logits, Math.min(count, logits.length))
      const kept = nucleus(values, size, enough) ?? (count >= logits.length ? size : 0)
      if (kept > 0) return ids[drawAmong(values, kept, own)]
    }
  }

  /** Neither top-k nor top-p: by id, no ranking at all. What whole blocks weigh says in which one to look. */
  const drawAny = (logits: Float32Array, largest: number): number => {
    const { rate, share, random: word } = drawOf(sampling, random())
    const one = (weigh ??= drawWeigher())
    const weight = (logit: number): number => (share > 0 && one(largest, logit) < share ? 0 : one(largest, logit, rate))
    const blockCount = Math.ceil(logits.length / BLOCK)
    if (blocks.length < blockCount) blocks = new Float64Array(blockCount)
    let mass = 0
    for (let block = 0; block < blockCount; block++) {
      const end = Math.min((block + 1) * BLOCK, logits.length)
      let sum = 0
      for (let i = block * BLOCK; i < end; i++) sum += weight(logits[i])
      blocks[block] = sum
      mass += sum
    }
    let rest = fractionOf(mass, word)
    let block = 0
    while (rest >= blocks[block]) rest -= blocks[block++]
    let id = block * BLOCK - 1
    while (rest >= 0) rest -= weight(logits[++id])
    return id
  }

  /** Ranks all that weigh anything. */
  const rankHeavy = (logits: Float32Array): Ranking => {
    for (let count = FIRST_RANKING; ; count *= 8) {
      const ranked = rank(logits, Math.min(count, logits.length))
      const { values, size } = ranked
      if (count >= logits.length || size === 0 || drawWeight(values[0], values[size - 1]) === 0) return ranked
    }
  }

  return {
    sampling,
    greedy: false,
    drawnHere: chain !== undefined,
    depth,
    pick(logits) {
      if (depth <= logits.length) return pickRanked(rank(logits, depth))
      if (chain) return pickRanked(rankHeavy(logits))
      const largest = logits[argmax(logits)]
      return sampling.topP < 1 ? drawNucleus(logits, largest) : drawAny(logits, largest)
    },
    pickRanked,
    pickAllowed,
    draw,
    editor: edits,
  }
}
