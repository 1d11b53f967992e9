// Time of what a text costs besides its numbers, after `npm run build`: node bench.mjs
import { decodeSnapshot, encodeSnapshot, pool, prefixTree, xxh32 } from '@g3/kv-cache'

const context = 32768
const caches = [{ window: 512, pages: 24 }, { pages: 600 }]
const texts = pool({ caches, context, maxRows: 512 })
const step = texts.placement(512, 1)
const text = texts.sequence()

/** Prints the median of 40 runs, each of `count` times what is measured. */
async function measure(what, count, run) {
  const times = []
  for (let i = 0; i < 40; i++) {
    const start = performance.now()
    await run()
    times.push(((performance.now() - start) / count) * 1000)
  }
  times.sort((a, b) => a - b)
  console.log(`${what}: ${times[20].toPrecision(3)} us`)
}

function fill(rows, end = context) {
  text.reset()
  for (let length = 0; length < end; length += rows) {
    step.begin()
    text.append(step, rows)
  }
}

for (const rows of [1, 512]) await measure(`a step of ${rows} rows`, context / rows, () => fill(rows))
await measure(`a fork of ${context} positions, dropped again`, 1, () => text.fork().drop())

const keys = Int32Array.from({ length: context }, (_, i) => i)
const tree = prefixTree(texts, { checkpoints: 8 })
tree.keep(text, keys)
await measure(`finding ${context} keys`, 1, () => tree.find(keys))
tree.clear()

const pageBytes = 1 << 20
const page = new Uint8Array(pageBytes)
await measure('the checksum of 1 MiB', 1, () => xxh32(page))
fill(512, context / 2)
const forms = caches.map((_, cache) => ({ layout: `bench ${cache}`, pageBytes }))
const binding = { model: 'bench', caches: forms }
const half = keys.subarray(0, text.length)
const source = () => encodeSnapshot(text, { ...binding, keys: half, readPage: async () => {} })
await measure(`a snapshot of ${text.length} positions, ${pageBytes} bytes a page, and back`, 1, async () => {
  const { sequence } = await decodeSnapshot(source(), { ...binding, pool: texts, writePage: async () => {} })
  sequence.drop()
})
