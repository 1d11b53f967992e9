import { parseArgs } from 'node:util'
import { ensureSetupOrExit } from '../setup/ensure.mjs'
import { fuzz } from './fuzz.mjs'
import { fuzzTargets } from './targets.mjs'

// `npm run fuzz -- [--minutes N] [--target NAME] [--seed N] [--count N]`: damaged files and texts for all that reads what
// strangers write; minutes are for each target. Each run begins with another seed and prints it.
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '0.1' },
    target: { type: 'string' },
    seed: { type: 'string' },
    count: { type: 'string' },
  },
})
await ensureSetupOrExit()
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const targets = (await fuzzTargets()).filter(({ name }) => values.target === undefined || name === values.target)
if (targets.length === 0) throw new Error(`no target is called ${values.target}`)
const options = {
  seed,
  milliseconds: Number(values.minutes) * 60_000,
  ...(values.count && { most: Number(values.count) }),
}
for (const target of targets) {
  const { count, refused, problem } = await fuzz(target, options)
  console.log(
    `${problem === undefined ? 'fine' : 'FAIL'}  ${target.name.padEnd(16)} ${count} inputs from seed ${seed}, ${refused} refused`,
  )
  if (problem === undefined) continue
  console.error(problem)
  process.exitCode = 1
}
