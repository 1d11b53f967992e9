import { parseArgs } from 'node:util'
import { SIZES } from './metadata.mjs'
import { EMBEDDINGS, RECIPES } from './recipes.mjs'
import { SYNTHETIC } from './vocabulary.mjs'
import { writeModel } from './write-model.mjs'

const USAGE = `usage: node tooling/synth --size SIZE --type TYPE --out FILE [options]
  --size        ${Object.keys(SIZES).join(', ')}
  --type        ${Object.keys(RECIPES).join(', ')}
  --out         the GGUF file to write
  --embedding   ${Object.keys(EMBEDDINGS).join(', ')}: its type (by default as TYPE's published files have it)
  --layers      fewer layers than the size has
  --rows        fewer rows of the embedding, and pieces, than the size has (at least 1024)
  --vocabulary  a Gemma 3 GGUF to copy the vocabulary from, or ${SYNTHETIC}
                (by default the cached gemma-3-270m, see \`npm run g3 -- pull gemma-3-270m\`)
  --seed        a whole number (default 1): the same file each time`

/** Enough for the markers, the bytes and ASCII. */
const LEAST_ROWS = 1024

/**
 * @param {readonly string[]} args
 * @param {{ log(line: string): void, error(line: string): void }} [output]
 * @returns {Promise<number>} exit code: 0 done, 1 failed, 2 wrong usage
 */
export async function run(args, output = console) {
  let request
  try {
    request = parse(args)
  } catch (error) {
    output.error(`synth: ${error.message}\n${USAGE}`)
    return 2
  }
  try {
    const start = performance.now()
    const { bytes, tensors, types } = await writeModel(request)
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    output.log(`${request.out}: ${(bytes / 1e6).toFixed(1)} MB, ${tensors} tensors (${types}) in ${seconds} s`)
    return 0
  } catch (error) {
    output.error(`synth: ${error.message}`)
    return 1
  }
}

/** @param {readonly string[]} args @returns {import('./write-model.mjs').Request} @throws on wrong usage */
export function parse(args) {
  const text = { type: 'string' }
  const { values } = parseArgs({
    args,
    options: {
      size: text,
      type: text,
      out: text,
      embedding: text,
      layers: text,
      rows: text,
      vocabulary: text,
      seed: text,
    },
  })
  const { size, type, out, embedding } = values
  if (!out) throw new Error('--out is missing')
  oneOf('--size', size, Object.keys(SIZES))
  oneOf('--type', type, Object.keys(RECIPES))
  if (embedding !== undefined) oneOf('--embedding', embedding, Object.keys(EMBEDDINGS))
  const most = SIZES[size]
  return {
    size,
    type,
    out,
    embedding,
    layers: whole('--layers', values.layers, 1, most.layers) ?? most.layers,
    rows: whole('--rows', values.rows, LEAST_ROWS, most.vocab),
    vocabulary: values.vocabulary,
    seed: whole('--seed', values.seed, 0, 2 ** 32 - 1) ?? 1,
  }
}

function oneOf(name, value, allowed) {
  if (!allowed.includes(value)) throw new Error(`${name} is ${value ?? 'missing'}; it is one of ${allowed.join(', ')}`)
}

function whole(name, value, least, most) {
  if (value === undefined) return undefined
  const number = /^\d+$/.test(value) ? Number(value) : NaN
  if (!(number >= least && number <= most)) {
    throw new Error(`${name} is ${value}; it is a whole number from ${least} to ${most}`)
  }
  return number
}
