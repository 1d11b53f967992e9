// Time of placing steps, after `npm run build`: node bench.mjs
import { linear, placement, ring, sequence } from '@g3/kv-cache'

const context = 32768
const plans = [ring({ window: 512, slack: 256, context }), linear({ context })]
const text = sequence(plans, { context, maxRows: 256 })
const placed = placement({ caches: 2, maxRows: 256 })

for (const rows of [1, 256]) {
  const times = []
  for (let round = 0; round < 40; round++) {
    text.reset()
    const steps = context / rows
    const start = performance.now()
    for (let step = 0; step < steps; step++) {
      placed.rows = 0
      text.append(placed, rows)
    }
    times.push(((performance.now() - start) / steps) * 1e6)
  }
  times.sort((a, b) => a - b)
  console.log(`${rows} rows: ${Math.round(times[20])} ns a step (median of 40 runs of ${context / rows} steps)`)
}
