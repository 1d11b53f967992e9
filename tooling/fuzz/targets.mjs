import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../setup/paths.mjs'

// Packages as built.
const load = (name) => import(pathToFileURL(join(root, 'packages', name, 'dist/index.js')).href)
const loadEntry = (name, entry) => import(pathToFileURL(join(root, 'packages', name, 'dist', `${entry}.js`)).href)

const filesOf = (folder, ends) =>
  readdirSync(join(root, folder))
    .filter((file) => ends.some((end) => file.endsWith(end)))
    .map((file) => ({ name: file, bytes: new Uint8Array(readFileSync(join(root, folder, file))) }))

const text = (value) => new TextEncoder().encode(JSON.stringify(value))
const parsed = (bytes) => JSON.parse(new TextDecoder().decode(bytes))

const SPECIAL = ['<bos>', '<eos>', '<unk>', '<pad>']
const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)

/**
 * @typedef {object} Target something that reads what strangers write
 * @property {string} name
 * @property {{ name: string, bytes: Uint8Array }[]} seeds what is right, to be damaged
 * @property {(bytes: Uint8Array) => unknown} read may throw a G3Error and must do nothing worse
 */

/** @returns {Promise<Target[]>} */
export async function fuzzTargets() {
  const { openModel } = await load('runtime')
  const { bytesSource, readGguf } = await loadEntry('runtime', 'gguf')
  const { readSafetensors, writeSafetensors } = await loadEntry('runtime', 'safetensors')
  const { compileGbnf, compileRegex, compileSchema } = await loadEntry('runtime', 'grammar')
  const { decodeImage } = await load('vision')
  const { tokenizerFromJson } = await load('tokenizer')
  const small = filesOf('packages/runtime/fixtures/tiny-random', ['q4_0.gguf', 'q2_k.gguf'])
  const vocabulary = small[0] && (await openModel(bytesSource(small[0].bytes, 'tiny.gguf'))).tokenizer
  const checkpoint = writeSafetensors([
    { name: 'a', dtype: 'F32', shape: [2, 3], bytes: new Uint8Array(24) },
    { name: 'b', dtype: 'BF16', shape: [4], bytes: new Uint8Array(8) },
  ])
  const schema = {
    type: 'object',
    required: ['a'],
    additionalProperties: false,
    properties: {
      a: { type: 'array', items: { $ref: '#/$defs/x' }, maxItems: 9 },
      b: { enum: [1, 'x', null] },
      c: { pattern: '^[a-z]+$' },
    },
    $defs: {
      x: {
        anyOf: [
          { type: 'integer', minimum: 3 },
          { type: 'string', maxLength: 5 },
        ],
      },
    },
  }
  const tokenizerJson = {
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
      ],
    },
    added_tokens: [{ id: 0, content: '<bos>', special: true }],
    model: {
      type: 'BPE',
      byte_fallback: true,
      vocab: Object.fromEntries([...SPECIAL, ...BYTES, 'a', 'b', 'ab'].map((piece, id) => [piece, id])),
      merges: [['a', 'b']],
    },
  }
  const texts = (list) => list.map((source) => ({ name: source, bytes: new TextEncoder().encode(source) }))
  const decoded = (bytes) => new TextDecoder().decode(bytes)
  return [
    { name: 'gguf', seeds: small, read: (bytes) => readGguf(bytesSource(bytes, 'fuzzed')) },
    { name: 'model', seeds: small, read: (bytes) => openModel(bytesSource(bytes, 'fuzzed')) },
    {
      name: 'safetensors',
      seeds: [{ name: 'two tensors', bytes: checkpoint }],
      read: (bytes) => readSafetensors(bytesSource(bytes, 'fuzzed')),
    },
    {
      name: 'image',
      seeds: filesOf('packages/vision/fixtures/pillow', ['.png', '.jpg', '.gif', '.webp', '.avif']),
      read: (bytes) => decodeImage(bytes),
    },
    {
      name: 'tokenizer.json',
      seeds: [{ name: 'small', bytes: text(tokenizerJson) }],
      read: (bytes) => tokenizerFromJson(decoded(bytes)),
    },
    {
      name: 'text',
      seeds: texts(['Hello <start_of_turn>user\n wörld \u{1F600} \u2581\u2581 <unused3>']),
      read: (bytes) => vocabulary.decode(vocabulary.encode(decoded(bytes))),
    },
    {
      name: 'schema',
      seeds: [{ name: 'object', bytes: text(schema) }],
      read: (bytes) => isJson(bytes) && compileSchema(parsed(bytes)),
    },
    {
      name: 'regex',
      seeds: texts(['^(a|b{2,5})[^c-x]*\\d+(?:\\u00e9|.)?$', '(?=ab)a.{3}(?!c)']),
      read: (bytes) => compileRegex(decoded(bytes)),
    },
    {
      name: 'gbnf',
      seeds: texts(['root ::= item+ "x"{2,3}\nitem ::= [a-z] | "(" root ")" # c\n']),
      read: (bytes) => compileGbnf(decoded(bytes)),
    },
  ]
}

const isJson = (bytes) => {
  try {
    parsed(bytes)
    return true
  } catch {
    return false
  }
}
