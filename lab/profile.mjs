// Where a prefill and a decode step spend their time, op by op, on one thread. Several sources of kernels take turns.
//   node lab/profile.mjs MODEL.gguf [--rounds 7] [--tokens 512] [--batch 1] [--precision fast] [--cache f16] [SOURCES...]
// --batch N: a decode step is one of N texts, each of which draws its token of the 64 likeliest.
// SOURCES: folders like packages/kernels-cpu/assembly, e.g. of another work tree. Times are medians, the best in brackets.
import { open } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { DRAW_WORDS, packDraw } from '../packages/backend/dist/index.js'
import { cpu } from '../packages/kernels-cpu/dist/index.js'
import { fileSource, readGguf, tensorNamed } from '../packages/runtime/dist/gguf.js'
import { configFromGguf, loadGemma3 } from '../packages/runtime/dist/index.js'
import { build, median, SOURCES } from './build.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '7' },
    tokens: { type: 'string', default: '512' },
    precision: { type: 'string', default: 'fast' },
    cache: { type: 'string' },
    batch: { type: 'string', default: '1' },
  },
})
const [file, ...sources] = positionals
if (file === undefined) throw new Error('give a GGUF file')
const tokens = Number(values.tokens)
const batch = Number(values.batch)
const STEPS = 16

/** Where the timers add up, below what the kernels use. */
const TIMES = 60_000
const names =
  'end embed angles norm qkv qkNormRope store attend project addNorm gatedUp logits gate top mergeTops rerotate copyPage'.split(
    ' ',
  )

/** Wraps the interpreter's `execute` in a timer for each op. */
const timed = (text) =>
  text
    .replace(
      'function execute(op: usize',
      "@external('env', 'now') declare function now(): f64\n\nfunction untimed(op: usize",
    )
    .replace(
      '/** Ops whose threads split the columns',
      `function execute(op: usize, first: i32, last: i32, part: i32, parts: i32): void {
  const start = now(), at: usize = ${TIMES} + 8 * load<u32>(op)
  untimed(op, first, last, part, parts)
  store<f64>(at, load<f64>(at) + now() - start)
}

/** Ops whose threads split the columns`,
    )

const instantiate = WebAssembly.instantiate
let memory
WebAssembly.instantiate = (module, imports) => {
  memory = imports.env.memory
  return instantiate(module, { env: { ...imports.env, now: () => performance.now() } })
}

const ids = Int32Array.from({ length: tokens }, (_, i) => (i === 0 ? 2 : 1000 + ((i * 7919) % 50_000)))
const builds = []
for (const folder of sources.length > 0 ? sources : [SOURCES]) {
  const wasm = await build(folder, { 'program.ts': timed })
  const backend = await cpu({ threads: 1, precision: values.precision, wasm })
  const mine = memory
  const handle = await open(file)
  const gguf = await readGguf(await fileSource(handle))
  const model = await loadGemma3(backend, (name) => tensorNamed(gguf, name), configFromGguf(gguf), {
    context: tokens + 64,
    sequences: batch,
    ...(values.cache && { cacheType: values.cache }),
  })
  await handle.close()
  const times = () => [...new Float64Array(mine.buffer.slice(TIMES, TIMES + 8 * names.length))]
  const sequences = Array.from({ length: batch }, () => model.sequence())
  builds.push({ folder, times, sequences, batch: model.batch(sequences), prefill: [], decode: [] })
}

const draws = new Int32Array(batch * DRAW_WORDS)
for (let i = 0; i < batch; i++)
  packDraw({ temperature: 1, topK: 64, topP: 0.95, minP: 0 }, 123456789 * (i + 1), draws, i)

/** Milliseconds of each op, and of all, while `work` runs. */
async function measure({ times }, work) {
  const before = times()
  const start = performance.now()
  await work()
  const all = performance.now() - start
  return [...times().map((time, op) => time - before[op]), all]
}

for (let round = 0; round < Number(values.rounds); round++) {
  for (const build of builds) {
    const { sequences, batch } = build
    for (const sequence of sequences) sequence.reset()
    const prefill = await measure(build, async () => {
      await sequences[0].append(ids)
      await sequences[0].pick()
    })
    for (const [i, sequence] of sequences.slice(1).entries()) await sequence.append(ids.subarray(i + 1))
    const decode = await measure(build, async () => {
      let next = ids.subarray(7, 7 + sequences.length)
      for (let i = 0; i < STEPS; i++) {
        batch.step(next)
        next = await batch.draw(draws)
      }
    })
    build.prefill.push(prefill)
    build.decode.push(decode.map((time) => time / STEPS))
  }
}

const column = (rounds, op) => {
  const times = rounds.map((round) => round[op])
  return `${median(times).toFixed(2).padStart(8)} (${Math.min(...times)
    .toFixed(2)
    .padStart(7)})`
}
for (const { folder } of builds) console.log(folder)
console.log(`${'ms'.padEnd(11)} prefill of ${tokens}${' '.repeat(Math.max(0, 19 * builds.length - 14))}decode step`)
for (const [op, name] of [...names, 'total'].entries()) {
  if (builds.every(({ prefill, decode }) => [...prefill, ...decode].every((round) => round[op] === 0))) continue
  const prefill = builds.map((build) => column(build.prefill, op)).join(' ')
  const decode = builds.map((build) => column(build.decode, op)).join(' ')
  console.log(`${name.padEnd(11)} ${prefill}   ${decode}`)
}
process.exit(0)
