/**
 * A seeded stream of 32-bit words: sfc32, Chris Doty-Humphrey's small fast counting generator (PractRand), started from
 * a seed and a name so that each tensor has its own, whatever others there are.
 *
 * @param {number} seed @param {string} name @returns {() => number} each call a word in [0, 2^32)
 */
export function words(seed, name) {
  let [a, b, c, counter] = [seed | 0, hash(name), 0x2545f491, 1]
  const next = () => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  for (let i = 0; i < 16; i++) next()
  return next
}

/** FNV-1a (Fowler, Noll, Vo) of the text's UTF-16 units. */
function hash(text) {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value
}

/**
 * Quantiles of the normal distribution: the middle of each of `count` slices of equal probability. A random index makes
 * a normal value at the price of a table look-up.
 *
 * @param {number} count @returns {Float64Array}
 */
export function normalQuantiles(count) {
  const quantiles = new Float64Array(count)
  const step = 2 ** -14
  let probability = 0
  let found = 0
  for (let x = -8; found < count && x < 8; x += step) {
    probability += (step * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)
    while (found < count && probability > (found + 0.5) / count) quantiles[found++] = x
  }
  while (found < count) quantiles[found++] = 8
  return quantiles
}
