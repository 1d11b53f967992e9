import { check } from './errors.js'

/** The parts of a tokenizer.json that matter, checked. */
export interface TokenizerFile {
  readonly vocab: ReadonlyMap<string, number>
  readonly merges: readonly (readonly [string, string])[]
  readonly added: readonly { readonly id: number; readonly content: string; readonly special: boolean }[]
  /** The post-processor puts `<bos>` before a text. */
  readonly addsBos: boolean
}

/** Ids and ranks stay below 2^21, as the vocabulary's table and the merge queue need. */
const MAX_ENTRIES = 2 ** 21 - 1

/** Checks that a parsed tokenizer.json is of Gemma's kind; any other would be tokenised wrongly, so it is refused. */
export function parseTokenizerJson(json: unknown): TokenizerFile {
  const root = object(json, 'tokenizer.json')
  const model = object(root['model'], 'model')
  checkPipeline(root, model)

  const vocab = new Map<string, number>()
  const entries = Object.entries(object(model['vocab'], 'model.vocab'))
  checkCount(entries.length, 'model.vocab')
  for (const [piece, id] of entries) vocab.set(wellFormed(piece, 'model.vocab'), pieceId(id, `model.vocab[${piece}]`))

  const merges = array(model['merges'], 'model.merges')
  const added = array(root['added_tokens'] ?? [], 'added_tokens')
  checkCount(merges.length, 'model.merges')
  checkCount(added.length, 'added_tokens')
  return {
    vocab,
    merges: merges.map(readMerge),
    added: added.map(readAdded),
    addsBos: JSON.stringify(root['post_processor'] ?? null).includes('"<bos>"'),
  }
}

function checkPipeline(root: Fields, model: Fields): void {
  const expected: [what: string, actual: unknown, ...allowed: unknown[]][] = [
    ['model.type', model['type'], 'BPE'],
    ['model.byte_fallback', model['byte_fallback'], true],
    ['model.dropout', model['dropout'], undefined, null, 0],
    ['model.continuing_subword_prefix', model['continuing_subword_prefix'], undefined, null, ''],
    ['model.end_of_word_suffix', model['end_of_word_suffix'], undefined, null, ''],
    ['model.ignore_merges', model['ignore_merges'], undefined, false],
    ['normalizer', root['normalizer'], { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' }],
    // Splitting at spaces finds none: they are U+2581 by then.
    ['pre_tokenizer', root['pre_tokenizer'], undefined, null, {
      type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false,
    }],
    ['decoder', root['decoder'], {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' },
      ],
    }],
  ]
  for (const [what, actual, ...allowed] of expected) {
    const found = canonical(actual)
    const known = allowed.some((value) => canonical(value) === found)
    check(known, 'tokenizer/unsupported', () => `${what} is ${found.slice(0, 200)}: not a tokenizer of Gemma's kind`)
  }
}

function readMerge(merge: unknown, place: number): [string, string] {
  const where = `model.merges[${place}]`
  const parts = typeof merge === 'string' ? merge.split(' ') : array(merge, where)
  const [left, right] = parts
  const valid = parts.length === 2 && typeof left === 'string' && typeof right === 'string'
  check(valid, 'tokenizer/bad-merges', () => `${where} is not a pair of pieces`)
  return [left, right]
}

function readAdded(value: unknown, place: number): TokenizerFile['added'][number] {
  const where = `added_tokens[${place}]`
  const token = object(value, where)
  for (const flag of ['single_word', 'lstrip', 'rstrip', 'normalized']) {
    check(!token[flag], 'tokenizer/unsupported', () => `${where}.${flag} is set, which is not supported`)
  }
  const { content, special } = token
  check(typeof content === 'string', 'tokenizer/bad-json', () => `${where}.content is not a string`)
  return { id: pieceId(token['id'], `${where}.id`), content: wellFormed(content, where), special: special === true }
}

interface Fields {
  readonly [key: string]: unknown
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function object(value: unknown, where: string): Fields {
  check(isObject(value), 'tokenizer/bad-json', () => `${where} is not an object`)
  return value
}

function array(value: unknown, where: string): readonly unknown[] {
  check(Array.isArray(value), 'tokenizer/bad-json', () => `${where} is not an array`)
  return value
}

function checkCount(count: number, where: string): void {
  check(count <= MAX_ENTRIES, 'tokenizer/vocabulary-too-large', `${where} has ${count} entries, at most ${MAX_ENTRIES}`)
}

function pieceId(value: unknown, where: string): number {
  const valid = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < MAX_ENTRIES
  check(valid, 'tokenizer/bad-json', () => `${where} is not an id from 0 to ${MAX_ENTRIES - 1}`)
  return value
}

function wellFormed(text: string, where: string): string {
  check(text.isWellFormed(), 'tokenizer/bad-json', () => `${where} holds a lone surrogate`)
  return text
}

/** JSON with sorted keys, to compare settings by value. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  ) ?? 'absent'
