// What prompt lookup gives, task by task: plain and speculating runs by turns, one process, the same tokens demanded.
//   node lab/speculate.mjs MODEL.gguf [--threads 1] [--rounds 3] [--tokens 96] [--tasks rewrite,free]
// Ratios are of the decode's CPU time (all threads, fair on a busy machine) and of its wall time, medians over the rounds.
import { open } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { cpu } from '../packages/kernels-cpu/dist/index.js'
import { fileSource } from '../packages/runtime/dist/gguf.js'
import { loadModel } from '../packages/runtime/dist/index.js'
import { promptLookup } from '../packages/runtime/dist/speculate.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    tokens: { type: 'string', default: '96' },
    tasks: { type: 'string', default: 'rewrite,extract,code,free,essay' },
    rows: { type: 'boolean', default: false },
  },
})
const [file] = positionals
if (file === undefined) throw new Error('give a GGUF file')

const NOTE = `The harbour office opens at seven in the morning and closes at nine in the evening. Captain Maria Lindqvist
arrived on Tuesday with the ship Aurora, which carries timber from Sundsvall. The inspector, Mr Tobias Hale, found two
broken crates and a missing seal, and wrote to the insurer, Northern Mutual, on the same day. The reply from Northern
Mutual came on Friday: the damage is covered, the seal is not. The Aurora leaves again on Sunday with paper for Gdansk.`

const CODE = `export function total(items: Item[]): number {
  let sum = 0
  for (const item of items) {
    if (item.removed) continue
    sum += item.price * item.count
  }
  return sum
}

export function describe(items: Item[]): string {
  const lines = items.map((item) => item.count + ' x ' + item.name + ' at ' + item.price)
  return lines.join('\\n')
}
`
const TASKS = {
  rewrite: { prompt: `First draft:\n${NOTE}\n\nFirst draft again:\n${NOTE}\n\nFinal version:\n`, temperature: 0 },
  extract: {
    prompt: `${NOTE}\n\nSentences about the inspector, quoted word for word: "The inspector, Mr Tobias Hale, found two\nbroken crates and a missing seal, and wrote to the insurer, Northern Mutual, on the same day."\n\nSentences about the reply, quoted word for word: "`,
    temperature: 0,
  },
  code: {
    prompt: `// before\n${CODE}\n// after: the same, with total renamed to sumOf\n${CODE.replace('total', 'sumOf')}\n// after: the same once more\n`,
    temperature: 0,
  },
  free: { prompt: 'Once upon a time, in a village by the sea, there lived', temperature: 1, seed: 5 },
  essay: { prompt: 'The history of glass making begins', temperature: 1, seed: 9 },
}

await using backend = await cpu({ threads: Number(values.threads) })
await using model = await loadModel({ source: await fileSource(await open(file), file), backend, context: 1024 })

/** One run: what it wrote, and milliseconds of CPU and of wall time after the first token. */
async function timed({ prompt, ...options }, speculate) {
  let first
  const generation = model.generate(prompt, {
    ...options,
    maxTokens: Number(values.tokens),
    ...(speculate && { speculate }),
  })
  for await (const _ of generation) first ??= { cpu: process.cpuUsage(), wall: performance.now() }
  const { user, system } = process.cpuUsage(first.cpu)
  const { ids } = await generation.result()
  return { ids, cpu: (user + system) / 1000, wall: performance.now() - first.wall }
}

const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]

/** What a step of several rows costs, in steps of one: sequences of all lengths by turns. */
async function rowCosts(rounds) {
  const { loadGemma3, configFromGguf } = await import('../packages/runtime/dist/index.js')
  const { readGguf, tensorNamed } = await import('../packages/runtime/dist/gguf.js')
  const opened = await open(file)
  const gguf = await readGguf(await fileSource(opened, file))
  await using own = await cpu({ threads: Number(values.threads) })
  await using gemma3 = await loadGemma3(own, (name) => tensorNamed(gguf, name), configFromGguf(gguf), { context: 1024 })
  using sequence = gemma3.sequence()
  await sequence.append(model.encode(NOTE))
  const { length } = sequence
  const into = new Float32Array(2 * sequence.mostRows)
  const times = Array.from({ length: sequence.mostRows }, () => [])
  for (let round = 0; round < rounds; round++) {
    for (let rows = 1; rows <= sequence.mostRows; rows++) {
      const ids = new Int32Array(rows).fill(1000 + round)
      const before = process.cpuUsage()
      await sequence.stepRows(ids, 'picked', into)
      const { user, system } = process.cpuUsage(before)
      if (round > 0) times[rows - 1].push((user + system) / 1000)
      sequence.rewind(length)
    }
  }
  return times.map((all) => median(all) / median(times[0]))
}

if (values.rows)
  console.log(
    JSON.stringify({
      rowCosts: (await rowCosts(1 + 3 * Number(values.rounds))).map((cost) => Number(cost.toFixed(2))),
    }),
  )
for (const name of values.tasks.split(',').filter((each) => each !== '')) {
  const task = TASKS[name]
  const ratios = { cpu: [], wall: [] }
  let tokens = 0
  let equal = true
  for (let round = 0; round <= Number(values.rounds); round++) {
    const plain = await timed(task)
    const guessed = await timed(task, promptLookup())
    equal &&= plain.ids.join() === guessed.ids.join()
    tokens = plain.ids.length
    // The first round warms up.
    if (round === 0) continue
    ratios.cpu.push(plain.cpu / guessed.cpu)
    ratios.wall.push(plain.wall / guessed.wall)
  }
  const show = (all) => Number(median(all).toFixed(3))
  console.log(
    JSON.stringify({
      task: name,
      tokens,
      equal,
      cpuRatio: show(ratios.cpu),
      wallRatio: show(ratios.wall),
      all: ratios.cpu.map((each) => Number(each.toFixed(2))),
    }),
  )
}
