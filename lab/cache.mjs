// What texts that share pages gain on a real model, beside reading them anew.
//   node lab/cache.mjs MODEL.gguf [--tokens 16000] [--history 4000] [--turns 200] [--cache-type f16]
import { open } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { cpu } from '../packages/kernels-cpu/dist/index.js'
import { fileSource, readGguf, tensorNamed } from '../packages/runtime/dist/gguf.js'
import { configFromGguf, loadGemma3, loadModel } from '../packages/runtime/dist/index.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tokens: { type: 'string', default: '16000' },
    history: { type: 'string', default: '4000' },
    turns: { type: 'string', default: '200' },
    'cache-type': { type: 'string', default: 'f16' },
  },
})
const [file] = positionals
if (file === undefined) throw new Error('give a GGUF file')
const tokens = Number(values.tokens)
const history = Number(values.history)
const turns = Number(values.turns)
const cacheType = values['cache-type']

const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
const print = (what, ...cells) => console.log(what.padEnd(30), cells.join(', '))
const timed = async (work) => {
  const start = performance.now()
  await work()
  return performance.now() - start
}
const text = (count, seed) => Int32Array.from({ length: count }, (_, i) => 1000 + ((i * 7919 + seed * 31) % 50_000))

await using backend = await cpu()

/** Of sequences alone: reading, forking, saving. */
async function sequences() {
  const handle = await open(file)
  const gguf = await readGguf(await fileSource(handle))
  const model = await loadGemma3(backend, (name) => tensorNamed(gguf, name), configFromGguf(gguf), {
    context: Math.max(tokens, history) + 1024, sequences: 3, cacheType,
  })
  await handle.close()
  const long = model.sequence()
  const held = process.memoryUsage.rss()
  const reading = await timed(() => long.append(text(tokens, 1)))
  const taken = process.memoryUsage.rss() - held
  let fork
  const before = process.memoryUsage.rss()
  const forking = await timed(() => (fork = long.fork()))
  const forked = process.memoryUsage.rss() - before
  fork.step(7)
  await fork.pick()
  const diverged = process.memoryUsage.rss() - before
  print(`${tokens} tokens read`, ms(reading), `${mib(taken)} more memory`)
  print('fork', ms(forking), `${mib(forked)} more`, `${mib(diverged)} after a token of its own`)

  const saved = []
  const saving = await timed(async () => {
    for await (const bytes of long.save()) saved.push(bytes.slice())
  })
  const other = model.sequence()
  const restoring = await timed(() =>
    other.restore(
      (async function* () {
        yield* saved
      })(),
    ),
  )
  print('saved', ms(saving), mib(saved.reduce((sum, { length }) => sum + length, 0)))
  print('restored', ms(restoring), `${(reading / restoring).toFixed(0)} times sooner than read`)

  const turn = Int32Array.of(...text(history, 2), 5, 6, 7)
  for (const sequence of [long, fork, other]) sequence[Symbol.dispose]()
  const [first, second] = [model.sequence(), model.sequence()]
  const anew = await timed(async () => {
    await first.append(turn)
    await first.pick()
  })
  await second.append(turn.subarray(0, history))
  const again = await timed(async () => {
    const { reused } = second.reuse(turn.subarray(0, -1))
    await second.append(turn.subarray(reused))
    await second.pick()
  })
  print(`turn after ${history} tokens`, ms(again), `anew ${ms(anew)}`, `${(anew / again).toFixed(0)} times sooner`)
  await model[Symbol.asyncDispose]()
}

/** A chat of many turns in a context that it fills again and again: what the process takes after the tenth, half way and at the end. */
async function chat() {
  const handle = await open(file)
  await using model = await loadModel({ source: await fileSource(handle), backend, context: 1024, cacheType })
  const talk = model.chat()
  const marks = []
  let shifts = 0
  let read = 0
  const onOverflow = () => shifts++
  for (let turn = 1; turn <= turns; turn++) {
    const options = { temperature: 0, maxTokens: 8, overflow: 'shift', onOverflow }
    const { promptTokens, cachedTokens } = await talk.send(`Tell me about the number ${turn}.`, options).result()
    read += promptTokens - cachedTokens
    if (turn === 10 || turn === turns / 2 || turn === turns) {
      globalThis.gc?.()
      marks.push(process.memoryUsage.rss())
    }
  }
  const [early, half, late] = marks
  print(`${turns} turns of chat`, `${mib(half - early)} more after half of them than after 10`, `${mib(late - half)} more at the end`, `of ${mib(late)}`, `${shifts} shifts`, `${read} tokens read`)
}

await sequences()
await chat()
