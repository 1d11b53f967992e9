import { check } from '@g3/backend'
import { bytesSource } from '@g3/runtime/gguf'
import { readSafetensors, writeSafetensors, type TensorToStore } from '@g3/runtime/safetensors'
import type { Learned } from '../student/parameters.js'
import { newMoments, type Moments } from './adam.js'

/** All that a run is, between two steps. */
export interface TrainState {
  /** Steps that are done. */
  step: number
  readonly moments: readonly Moments[]
  /** The best judgement so far, with its values; none without validation. */
  best: { readonly loss: number; readonly values: readonly Float32Array[] } | undefined
  /** Judgements since then. */
  stale: number
}

export const newState = (all: readonly Learned[]): TrainState => ({
  step: 0,
  moments: all.map(({ values }) => newMoments(values.length)),
  best: undefined,
  stale: 0,
})

const floats = (name: string, values: Float32Array): TensorToStore => ({
  name,
  dtype: 'F32',
  shape: [values.length],
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
})

/**
 * A run as the bytes of a safetensors file.
 * @param mark names the run: what it learns from, and how
 */
export function saveState(
  all: readonly Learned[],
  { step, moments, best, stale }: TrainState,
  mark: string,
): Uint8Array {
  const tensors = all.flatMap(({ name, values }, n) => [
    floats(name, values),
    floats(`${name}.mean`, moments[n].mean),
    floats(`${name}.square`, moments[n].square),
    ...(best ? [floats(`${name}.best`, best.values[n])] : []),
  ])
  const metadata = {
    format: 'g3-distill',
    mark,
    step: String(step),
    stale: String(stale),
    ...(best && { best: String(best.loss) }),
  }
  return writeSafetensors(tensors, metadata)
}

/**
 * Takes up a run: puts its values into the student's matrices, which its caller writes to the backend.
 * @throws G3Error `distill/bad-checkpoint`, `distill/other-run`, `safetensors/…`
 */
export async function restoreState(all: readonly Learned[], bytes: Uint8Array, mark: string): Promise<TrainState> {
  const { metadata, tensors, source } = await readSafetensors(bytesSource(bytes, 'the checkpoint'))
  check(
    metadata.get('format') === 'g3-distill',
    'distill/bad-checkpoint',
    'this file is no checkpoint of a training: delete it, or begin without resume',
  )
  check(
    metadata.get('mark') === mark,
    'distill/other-run',
    'the checkpoint is of a run with other data, another model or other options: give the same ones, or begin without resume',
  )
  const read = async (name: string, into: Float32Array): Promise<Float32Array> => {
    const tensor = tensors.get(name)
    const fits = tensor?.dtype === 'F32' && tensor.byteLength === into.byteLength
    check(
      tensor !== undefined && fits,
      'distill/bad-checkpoint',
      () => `the checkpoint lacks ${name} of ${into.length} values: begin without resume`,
    )
    await source.read(tensor.offset, new Uint8Array(into.buffer))
    return into
  }
  const state = newState(all)
  const bestLoss = metadata.get('best')
  const bestValues: Float32Array[] = []
  for (const [n, { name, values }] of all.entries()) {
    values.set(await read(name, new Float32Array(values.length)))
    await read(`${name}.mean`, state.moments[n].mean)
    await read(`${name}.square`, state.moments[n].square)
    if (bestLoss !== undefined) bestValues.push(await read(`${name}.best`, new Float32Array(values.length)))
  }
  const count = (key: string): number => {
    const value = Number(metadata.get(key))
    check(
      Number.isSafeInteger(value) && value >= 0,
      'distill/bad-checkpoint',
      () => `the checkpoint has no ${key}: begin without resume`,
    )
    return value
  }
  state.step = count('step')
  state.stale = count('stale')
  if (bestLoss !== undefined) state.best = { loss: Number(bestLoss), values: bestValues }
  return state
}
