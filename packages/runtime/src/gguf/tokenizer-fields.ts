import { check } from '@g3/backend'
import type { GgufVocabulary } from '@g3/tokenizer'
import { fieldsOf } from '../fields.js'
import { placeOf, type Gguf } from './gguf.js'
import { isPackedStrings } from './values.js'

/**
 * The vocabulary of a file, checked: lengths agree, scores are finite, types exist, special ids are pieces, and the
 * embedding has a row for each piece. Nothing is copied.
 * @throws G3Error `gguf/tokenizer` for what is wrong with it, `gguf/bad-key`
 */
export function tokenizerFields(gguf: Gguf): GgufVocabulary {
  const { metadata, source } = gguf
  const fields = fieldsOf({ area: 'gguf', name: source.name, get: (key) => metadata.get(key) })
  const fail = (condition: boolean, problem: () => string) =>
    check(
      condition,
      'gguf/tokenizer',
      () => `the vocabulary of ${source.name} ${problem()}: get another conversion of the model`,
    )

  const model = fields.text('tokenizer.ggml.model')
  check(
    model === 'llama',
    'gguf/tokenizer',
    () =>
      `${source.name} has ${model ? `a tokenizer of kind ${model}` : 'no tokenizer'}; Gemma 3 has one of kind llama (SentencePiece)`,
  )
  const pieces = metadata.get('tokenizer.ggml.tokens')
  const scores = metadata.get('tokenizer.ggml.scores')
  const types = metadata.get('tokenizer.ggml.token_type')
  const lacks = (key: string) =>
    `the vocabulary of ${source.name} lacks tokenizer.ggml.${key} or has it in another type: get another conversion of the model`
  check(isPackedStrings(pieces), 'gguf/tokenizer', () => lacks('tokens'))
  check(scores instanceof Float32Array, 'gguf/tokenizer', () => lacks('scores'))
  check(types instanceof Int32Array, 'gguf/tokenizer', () => lacks('token_type'))

  const size = pieces.lengths.length
  fail(size > 0, () => 'is empty')
  fail(
    scores.length === size && types.length === size,
    () => `has ${size} pieces, ${scores.length} scores and ${types.length} types`,
  )
  fail(scores.every(Number.isFinite), () => 'has scores that are no numbers')
  fail(
    types.every((type) => type >= 1 && type <= 6),
    () => 'has piece types other than 1 to 6',
  )
  const rows = placeOf(gguf, 'token_embd.weight')?.shape[1]
  fail(rows === undefined || size <= rows, () => `has ${size} pieces for ${rows} rows of the embedding`)

  const id = <Key extends string>(name: Key, key: string): { [K in Key]?: number } =>
    metadata.has(key) ? ({ [name]: fields.whole(key, { least: 0, most: size - 1 }) } as { [K in Key]?: number }) : {}
  const addBos = fields.flag('tokenizer.ggml.add_bos_token')
  return {
    pieces,
    scores,
    types,
    ...id('bos', 'tokenizer.ggml.bos_token_id'),
    ...id('eos', 'tokenizer.ggml.eos_token_id'),
    ...id('unknown', 'tokenizer.ggml.unknown_token_id'),
    ...(addBos === undefined ? {} : { addBos }),
  }
}
