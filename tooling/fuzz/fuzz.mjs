import { mutate } from './mutate.mjs'

/** An input that takes longer is a hang. Fixtures take milliseconds. */
const SLOW_MS = 5_000
/** What a target may come to hold beyond what it began with. */
const MOST_BYTES = 1 << 30

/** @param {unknown} error @returns {boolean} whether it is one of ours, with a code */
const isExpected = (error) =>
  error instanceof Error && error[Symbol.for('g3.error')] === true && /^[a-z0-9-]+\/[a-z0-9-]+$/.test(error.code)

/**
 * Gives a target damaged inputs until the time is over or it fails.
 * @param {import('./targets.mjs').Target} target
 * @param {{ seed: number, milliseconds: number, most?: number }} options `most` inputs
 * @returns {Promise<{ count: number, refused: number, problem: string | undefined }>} `problem` names the seed that shows it again
 */
export async function fuzz({ name, seeds, read }, { seed: first, milliseconds, most = Infinity }) {
  const start = performance.now()
  const before = process.memoryUsage.rss()
  let refused = 0
  let count = 0
  const again = (seed, what) => `${what}; again with \`npm run fuzz -- --target ${name} --seed ${seed} --count 1\``
  for (let seed = first; count < most && performance.now() - start < milliseconds; seed++, count++) {
    const bytes = mutate(seeds[seed % seeds.length].bytes, seed)
    const begun = performance.now()
    try {
      await read(bytes)
    } catch (error) {
      if (!isExpected(error)) return { count, refused, problem: again(seed, error?.stack ?? String(error)) }
      refused++
    }
    const took = performance.now() - begun
    if (took > SLOW_MS) return { count, refused, problem: again(seed, `took ${(took / 1000).toFixed(1)} s`) }
    if (process.memoryUsage.rss() - before > MOST_BYTES)
      return { count, refused, problem: again(seed, 'holds a GiB more than before') }
  }
  return { count, refused, problem: undefined }
}
