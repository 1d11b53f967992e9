/**
 * How a token is drawn from the largest logits. llama.cpp's order: top-k, top-p, min-p, temperature; so top-p and min-p
 * look at the probabilities before the temperature changes them.
 */
export interface DrawRule {
  /** Divides the logits; 0: the largest is taken. */
  readonly temperature: number
  /** Keeps so many of the largest, 1 to {@link MOST_RANKED}. */
  readonly topK: number
  /** Keeps the fewest whose probabilities sum to at least this, above 0 to 1. */
  readonly topP: number
  /** Drops what is less likely than this share of the likeliest, 0 to below 1. */
  readonly minP: number
}

/**
 * Numbers of {@link Step.draws} for a row. A draw is all whole numbers, so that every backend draws the same: weights count
 * in 2^-24 of the largest, thresholds and random words are fractions of 2^32.
 */
export const DRAW_WORDS = 4

const ONE = 2 ** 24
export const LOG2_E = Math.fround(Math.LOG2E)
/** ln 2 of 2^32 */
const LN_2 = 2977044471

/** Bits below the count of {@link packDraw}'s third word: a share of 2^24, both ends included. */
const SHARE_BITS = 25

const float = new Float32Array(1)
const floatBits = new Int32Array(float.buffer)

/** One draw, in numbers that every machine computes with alike. */
export interface Draw {
  /** log2(e) / temperature, an f32: it makes a distance of logits the exponent of a power of two. */
  readonly rate: number
  /** Of all weights, in 2^-32, what top-p covers; 0: no top-p. */
  readonly threshold: number
  /** Of the largest weight, in 2^-24, what min-p asks for. */
  readonly share: number
  /** 32 random bits, unsigned. */
  readonly random: number
}

/** @param random 32 random bits */
export const drawOf = ({ temperature, topP, minP }: Omit<DrawRule, 'topK'>, random: number): Draw => ({
  // Bounded where distances that f32 cannot hold well would begin to count.
  rate: Math.fround(Math.min(Math.LOG2E / temperature, 2 ** 64)),
  threshold: topP >= 1 ? 0 : Math.max(1, Math.floor(topP * 2 ** 32)),
  share: Math.ceil(minP * ONE),
  random: random >>> 0,
})

/** Writes a draw into row `row` of {@link Step.draws}: rate, threshold, top-k with the share, random bits. */
export function packDraw(rule: DrawRule, random: number, into: Int32Array, row = 0): void {
  const { rate, threshold, share } = drawOf(rule, random)
  const at = DRAW_WORDS * row
  float[0] = rate
  into[at] = floatBits[0]
  into[at + 1] = threshold
  into[at + 2] = ((rule.temperature === 0 ? 1 : rule.topK) << SHARE_BITS) | share
  into[at + 3] = random
}

/** What {@link packDraw} wrote at `at`. */
export function unpackDraw(draws: Int32Array, at: number): Draw & { readonly topK: number } {
  floatBits[0] = draws[at]
  const packed = draws[at + 2]
  return {
    rate: float[0],
    threshold: draws[at + 1] >>> 0,
    share: packed & (2 ** SHARE_BITS - 1),
    topK: packed >>> SHARE_BITS,
    random: draws[at + 3] >>> 0,
  }
}

/**
 * The place that a draw takes among the `count` largest logits.
 * @param values the largest first; at least one
 */
export function drawPlace(values: Float32Array, count: number, draw: Draw): number {
  const { threshold } = draw
  if (threshold === 0) return drawAmong(values, count, draw)
  return drawAmong(values, nucleus(values, count, fractionOf(sum(values, count, LOG2_E), threshold)) ?? count, draw)
}

/** How many of the logits weigh `enough` together; undefined where all do not. */
export function nucleus(values: Float32Array, count: number, enough: number): number | undefined {
  let covered = 0
  for (let n = 0; n < count; n++) {
    covered += drawWeight(values[0], values[n])
    if (covered >= enough) return n + 1
  }
  return undefined
}

/** The place that a draw takes among `count` logits, of which min-p is still to leave some: one number decides. */
export function drawAmong(values: Float32Array, count: number, { rate, share, random }: Draw): number {
  const [largest] = values
  let kept = count
  while (kept > 1 && drawWeight(largest, values[kept - 1]) < share) kept--
  let rest = fractionOf(sum(values, kept, rate), random)
  for (let place = 0; place < kept - 1; place++) {
    rest -= drawWeight(largest, values[place], rate)
    if (rest < 0) return place
  }
  return kept - 1
}

function sum(values: Float32Array, count: number, rate: number): number {
  let all = 0
  for (let n = 0; n < count; n++) all += drawWeight(values[0], values[n], rate)
  return all
}

/**
 * 2^24 · 2^−((largest − value) · rate), rounded down: whole numbers by an exponential series of nine terms, of 2^31. The
 * difference and the product are f32.
 */
export function drawWeight(largest: number, value: number, rate = LOG2_E): number {
  const exponent = Math.fround(Math.fround(largest - value) * rate)
  if (!(exponent < 25)) return 0
  const fixed = (exponent * 2 ** 20) >>> 0
  const x = highProduct(fixed << 12, LN_2)
  let power = 2 ** 31
  for (let term = 9; term > 0; term--) power = 2 ** 31 - ((highProduct(x, power) / term) >>> 0)
  return (power >>> 7) >>> (fixed >>> 20)
}

/** ⌊total · fraction / 2^32⌋ for totals up to 2^53. */
export function fractionOf(total: number, fraction: number): number {
  const high = Math.floor(total / 2 ** 32)
  return high * fraction + highProduct(total - high * 2 ** 32, fraction)
}

/** ⌊a · b / 2^32⌋ of two unsigned 32-bit numbers. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const other = aLow * bHigh + (middle & 0xffff)
  return aHigh * bHigh + (middle >>> 16) + (other >>> 16)
}
