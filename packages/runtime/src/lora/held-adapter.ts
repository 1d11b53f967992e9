import type { LoraBackend, Weight } from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import { fingerprint } from '../model/fingerprint.js'
import { EMBEDDING, type AdapterFile, type AdapterPair } from './adapter-file.js'
import { padded } from './padded.js'

/** The matrices of {@link AdapterPair} in a backend, their rank filled up with zeros. */
export interface HeldPair {
  readonly a: Weight
  readonly b: Weight
  /** Of the buffer between the two. */
  readonly cols: number
  /** What B · A is multiplied by, but for what the caller asks. */
  readonly scale: number
}

/** An adapter's matrices in a backend. */
export interface HeldAdapter {
  /** Names what it computes. */
  readonly id: string
  /** By the name of the model's tensor. */
  readonly pairs: ReadonlyMap<string, HeldPair>
  readonly weights: readonly Weight[]
}

/**
 * Loads an adapter's matrices.
 * @throws G3Error what the backend and the file throw; the signal's reason. Nothing is held then
 */
export async function holdAdapter(
  backend: LoraBackend,
  { alpha, pairs }: AdapterFile,
  config: Gemma3Config,
  signal: AbortSignal | undefined,
): Promise<HeldAdapter> {
  const { rankStep } = backend.caps
  const print = fingerprint(config)
  const weights: Weight[] = []
  const load = async (tensor: AdapterPair['a'], rows: number, cols: number): Promise<Weight> => {
    signal?.throwIfAborted()
    const weight = await backend.load(padded(print.of(tensor), rows, cols), signal)
    weights.push(weight)
    return weight
  }
  const held = new Map<string, HeldPair>()
  try {
    for (const [target, { a, b, rank }] of pairs) {
      const cols = Math.ceil(rank / rankStep) * rankStep
      held.set(target, {
        a: target === EMBEDDING ? await load(a, a.rows, cols) : await load(a, cols, a.cols),
        b: await load(b, b.rows, cols),
        cols,
        scale: alpha === 0 ? 1 : alpha / rank,
      })
    }
  } catch (error) {
    await backend.release([], weights)
    throw error
  }
  return { id: `${print.name()} ${alpha}`, pairs: held, weights }
}
