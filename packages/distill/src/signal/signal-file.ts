import { check } from '@g3/backend'
import { bytesSource } from '@g3/runtime/gguf'
import { readSafetensors, writeSafetensors, type TensorToStore } from '@g3/runtime/safetensors'
import type { Example, Wanted } from '../student/rows.js'

/*
 * A teacher's signal as a safetensors file. Four bytes a number, all i32 but for the weights:
 *   ids         of all texts, one after the other
 *   text_ends   [texts]      where each ends in ids
 *   positions   [positions]  in its text, the logits after which are meant
 *   texts       [positions]  of which text
 *   target_ends [positions]  where its targets end in the next two
 *   target_ids, target_weights
 */
const FORMAT = 'g3-signal-1'

/** @param about what people may want to know of it: the teacher, how it was drawn */
export function signalFile(examples: readonly Example[], about: Readonly<Record<string, string>>): Uint8Array {
  const wanted = examples.flatMap((example, text) => example.wanted.map((each) => ({ ...each, text })))
  const ends = (lengths: readonly number[]): Int32Array => {
    let sum = 0
    return Int32Array.from(lengths, (length) => (sum += length))
  }
  const joined = (parts: readonly ArrayLike<number>[]): number[] => parts.flatMap((part) => Array.from(part))
  const whole = (name: string, values: Int32Array): TensorToStore => tensor(name, 'I32', values)
  return writeSafetensors(
    [
      whole('ids', Int32Array.from(joined(examples.map(({ ids }) => ids)))),
      whole('text_ends', ends(examples.map(({ ids }) => ids.length))),
      whole(
        'positions',
        Int32Array.from(wanted, ({ position }) => position),
      ),
      whole(
        'texts',
        Int32Array.from(wanted, ({ text }) => text),
      ),
      whole('target_ends', ends(wanted.map(({ ids }) => ids.length))),
      whole('target_ids', Int32Array.from(joined(wanted.map(({ ids }) => ids)))),
      tensor('target_weights', 'F32', Float32Array.from(joined(wanted.map(({ weights }) => weights)))),
    ],
    { ...about, format: FORMAT },
  )
}

const tensor = (name: string, dtype: string, values: Int32Array | Float32Array): TensorToStore => ({
  name,
  dtype,
  shape: [values.length],
  bytes: new Uint8Array(values.buffer),
})

/**
 * The examples in a file of {@link signalFile}, every number checked.
 * @param vocab tokens of the student
 * @throws G3Error `distill/bad-signal`, `safetensors/…`
 */
export async function readSignal(bytes: Uint8Array, name: string, vocab: number): Promise<readonly Example[]> {
  const { metadata, tensors, source } = await readSafetensors(bytesSource(bytes, name))
  const sound = (condition: boolean, problem: string): void =>
    check(condition, 'distill/bad-signal', () => `${name} ${problem}: make it again with \`g3 distill signal\``)
  sound(metadata.get('format') === FORMAT, "is no teacher's signal")
  const read = async <T extends Int32Array | Float32Array>(
    part: string,
    dtype: string,
    make: (length: number) => T,
  ): Promise<T> => {
    const found = tensors.get(part)
    if (found?.dtype !== dtype) return (sound(false, `lacks ${part}`), make(0))
    const values = make(found.byteLength / 4)
    await source.read(found.offset, new Uint8Array(values.buffer))
    return values
  }
  const whole = (part: string): Promise<Int32Array> => read(part, 'I32', (length) => new Int32Array(length))
  const [ids, textEnds, positions, texts] = [
    await whole('ids'),
    await whole('text_ends'),
    await whole('positions'),
    await whole('texts'),
  ]
  const [targetEnds, targetIds] = [await whole('target_ends'), await whole('target_ids')]
  const weights = await read('target_weights', 'F32', (length) => new Float32Array(length))

  const rises = (ends: Int32Array): boolean => ends.every((end, n) => end > (n === 0 ? 0 : ends[n - 1]))
  sound(textEnds.length > 0 && rises(textEnds) && textEnds.at(-1) === ids.length, 'has texts that do not fit its ids')
  const isWhole = texts.length === positions.length && targetEnds.length === positions.length
  sound(isWhole && positions.length > 0 && rises(targetEnds), 'has positions without targets')
  sound(targetEnds.at(-1) === targetIds.length && weights.length === targetIds.length, 'has targets that do not fit')
  const isToken = (id: number): boolean => id >= 0 && id < vocab
  sound(ids.every(isToken) && targetIds.every(isToken), `has tokens that this model's ${vocab} have not`)
  sound(
    weights.every((weight) => weight >= 0 && weight <= 1),
    'has weights that are no shares',
  )

  const wanted: Wanted[][] = Array.from(textEnds, () => [])
  const lengths = textEnds.map((end, n) => end - (n === 0 ? 0 : textEnds[n - 1]))
  for (const [n, position] of positions.entries()) {
    const isPlace = texts[n] >= 0 && texts[n] < textEnds.length && position >= 0 && position < lengths[texts[n]]
    sound(isPlace, 'has positions outside their texts')
    const [from, to] = [n === 0 ? 0 : targetEnds[n - 1], targetEnds[n]]
    wanted[texts[n]].push({ position, ids: targetIds.subarray(from, to), weights: weights.subarray(from, to) })
  }
  return Array.from(textEnds, (end, n) => ({ ids: ids.subarray(end - lengths[n], end), wanted: wanted[n] }))
}
