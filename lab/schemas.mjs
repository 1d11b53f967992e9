// Random answers of a model at temperature 1 under real schemas, each read by JSON.parse and an independent validator.
//   node lab/schemas.mjs MODEL.gguf [--runs 20] [--tokens 600] [--at-once 8] [--threads 2] [--seconds 3600]
// `cut` answers reached the limit of tokens; `stuck` ones are those in which no token could come. Ends with 1 on any failure.
// --speed: how fast tokens come under a schema beside plain ones, by turns, of the CPU time of this process.
import { open } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { cpu } from '../packages/kernels-cpu/dist/index.js'
import { fileSource } from '../packages/runtime/dist/gguf.js'
import { compileSchema, constraints } from '../packages/runtime/dist/grammar.js'
import { loadModel } from '../packages/runtime/dist/index.js'
import { realSchemas, validator } from '../packages/runtime/src/grammar/testing/real-schemas.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '20' },
    tokens: { type: 'string', default: '600' },
    'at-once': { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '3600' },
    speed: { type: 'boolean', default: false },
  },
})
const [file] = positionals
if (file === undefined) throw new Error('give a GGUF file')
const [runs, maxTokens, sequences, seconds] = [values.runs, values.tokens, values['at-once'], values.seconds].map(
  Number,
)

await using backend = await cpu({ threads: Number(values.threads) })
const source = await fileSource(await open(file), file)
await using model = await loadModel({
  source,
  backend,
  context: maxTokens + 128,
  sequences: values.speed ? 1 : sequences,
})
const vocabulary = model.vocabulary()
const schemas = realSchemas().map(([name, schema]) => ({
  name,
  validate: validator(schema),
  answers: constraints(compileSchema(schema), vocabulary),
}))
const prompt = (name) => `A JSON message of the kind ${name}, with plausible values:\n`

async function answers() {
  const count = { schemas: schemas.length, answers: 0, valid: 0, cut: 0, invalid: 0, stuck: 0, tokens: 0, seconds: 0 }
  // All schemas once, then all again, so that a run that is cut short has looked at each.
  const jobs = Array.from({ length: runs }, (_, seed) => schemas.map((schema) => ({ ...schema, seed }))).flat()
  const start = performance.now()
  const worker = async () => {
    for (let job = jobs.shift(); job && performance.now() - start < 1000 * seconds; job = jobs.shift()) {
      const { name, validate, answers: all, seed } = job
      const options = { constraint: all.start(), temperature: 1, topK: 0, topP: 1, seed, maxTokens }
      try {
        const { text, ids, stopReason } = await model.generate(prompt(name), options).result()
        count.answers++
        count.tokens += ids.length
        if (stopReason === 'length') count.cut++
        else if (validate(JSON.parse(text))) count.valid++
        else {
          count.invalid++
          console.error(name, seed, text, validate.errors)
        }
      } catch (error) {
        count.answers++
        count.stuck++
        console.error(name, seed, error)
      }
    }
  }
  await Promise.all(Array.from({ length: sequences }, worker))
  count.seconds = Math.round((performance.now() - start) / 1000)
  console.log(JSON.stringify(count))
  if (count.valid + count.cut < count.answers) process.exitCode = 1
}

/** CPU milliseconds of each token that the model was asked for, after the first. */
async function perToken(options) {
  let first
  let tokens = 0
  const generation = model.generate('A JSON message:\n', { temperature: 1, seed: 3, maxTokens: 64, ...options })
  for await (const { logprobs: _, id } of generation) {
    if (first) tokens += id === undefined ? 0 : 1
    first ??= process.cpuUsage()
  }
  const { user, system } = process.cpuUsage(first)
  return (user + system) / 1000 / tokens
}

async function speed() {
  const ratios = []
  for (const { name, answers: all } of schemas.slice(0, runs)) {
    await perToken({ constraint: all.start() })
    const plain = await perToken({})
    const held = await perToken({ constraint: all.start() })
    ratios.push(plain / held)
    console.log(JSON.stringify({ name, plain, held, ratio: plain / held }))
  }
  ratios.sort((a, b) => a - b)
  console.log(JSON.stringify({ median: ratios[ratios.length >> 1], least: ratios[0] }))
}

await (values.speed ? speed() : answers())
