import { startEngine, type TurnOptions } from './engine.js'
import type { Job } from './protocol.js'
import { median, rounded } from './spread.js'

/** Decoding of `batch` sequences at a time, each after `context` tokens. */
export interface StudyPoint {
  readonly batch: number
  readonly context: number
}

export interface StudyResult extends StudyPoint {
  /** Tokens for each second, of all sequences: the median. */
  readonly decode: number
}

/**
 * Measures how one engine decodes at each of some points, in a process of its own with room for the largest. Points of
 * one context take turns; a context is filled once for all its rounds, since that may take minutes.
 * @param points in rising order of context, so that each goes on from the last
 * @returns one for each point, of `repeat` rounds after one to warm up
 * @throws what the engine throws; the signal's reason
 */
export async function study(
  job: Omit<Job, 'packages'>,
  points: readonly StudyPoint[],
  { repeat, log, ...options }: TurnOptions,
): Promise<StudyResult[]> {
  await using engine = await startEngine(job, options)
  const rounds = new Map<StudyPoint, number[]>(points.map((point) => [point, []]))
  for (const context of new Set(points.map((point) => point.context))) {
    const turns = points.filter((point) => point.context === context)
    log(`reading ${context} tokens`)
    for (const { batch } of turns) await engine.decode(batch, context)
    for (let turn = 1; turn <= repeat; turn++) {
      for (const point of turns) {
        const speed = await engine.decode(point.batch, context)
        rounds.get(point)?.push(speed)
        log(`${turn}/${repeat} ${point.batch} x ${context} tokens: decode ${speed.toFixed(1)} tokens a second`)
      }
    }
  }
  return [...rounds].map(([point, speeds]) => ({ ...point, decode: rounded(median(speeds)) }))
}
