// Whether `g3 serve` holds: a mixed load of many clients, or clients that leave at any moment.
//   node lab/soak.mjs [--minutes 20] [--clients 12] [--seed 1]     # texts, schemas, tools, images, aborts, floods, nonsense
//   node lab/soak.mjs --disconnects 500 [--clients 16]             # the others' outputs are those of a quiet run, bit by bit
// Starts a server of the tiny model on the loopback, or takes `--model FILE` (with `--mmproj FILE`) or a running `--url`.
// Ends with 1 where a problem is the server's, memory grows by more than 5 %, or a slot is not free. Memory counts after
// `--warm-up 2` minutes of the mixed load: V8 lets its heap grow to 230 MiB before it collects 36 of live objects.
import { parseArgs } from 'node:util'
import { metricsAt, startServe, TINY, untilFree } from './serving.mjs'
import { disconnects } from './soak/disconnects.mjs'
import { mixedLoad } from './soak/mixed-load.mjs'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    model: { type: 'string' },
    mmproj: { type: 'string' },
    'warm-up': { type: 'string', default: '2' },
    minutes: { type: 'string', default: '20' },
    disconnects: { type: 'string' },
    clients: { type: 'string' },
    slots: { type: 'string', default: '8' },
    queue: { type: 'string', default: '32' },
    seed: { type: 'string', default: '1' },
  },
})
const GROWTH = 1.05
const SAMPLE_MS = 500

const model = values.model ? ['--model', values.model, ...(values.mmproj ? ['--mmproj', values.mmproj] : [])] : TINY
const sizes = ['--slots', values.slots, '--queue', values.queue, '--context', '1024']
const server = values.url ? undefined : await startServe([...model, ...sizes])
const url = values.url ?? server.url
const withImages = values.model === undefined || values.mmproj !== undefined

const [seed, clients] = [Number(values.seed), Number(values.clients ?? (values.disconnects ? 16 : 12))]
const flood = Number(values.slots) + Number(values.queue) + 16
const mixed = (minutes, drawn) =>
  mixedLoad({ url, milliseconds: 60_000 * Number(minutes), clients, flood, withImages, seed: drawn })

const memory = []
const problems = []
let sample
try {
  problems.push(...(await mixed(values['warm-up'], seed + 1)).problems)
  const started = performance.now()
  sample = setInterval(async () => {
    const metrics = await metricsAt(url).catch(() => undefined)
    const bytes = metrics?.get('process_resident_memory_bytes')
    if (bytes) memory.push(bytes)
  }, SAMPLE_MS)
  const done = values.disconnects
    ? await disconnects({ url, count: Number(values.disconnects), clients, seed })
    : await mixed(values.minutes, seed)
  problems.push(...done.problems)
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`, done.counts)
  await untilFree(url).catch((problem) => problems.push(problem.message))
} finally {
  clearInterval(sample)
  await server?.kill('SIGTERM')
}

const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1]
const third = Math.floor(memory.length / 3)
if (third === 0) problems.push('it was over before memory could be looked at')
else {
  const [begin, end] = [median(memory.slice(0, third)), median(memory.slice(-third))]
  console.log(
    `memory: ${(begin / 2 ** 20).toFixed(0)} MiB in the first third, ${(end / begin).toFixed(3)} of it in the last`,
  )
  if (end > GROWTH * begin) problems.push('memory grew')
}
for (const problem of problems.slice(0, 20)) console.error(problem)
if (server && problems.length > 0) console.error(server.said().slice(-2000))
console.log(problems.length === 0 ? 'held' : `${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
