// Whether each line of each batch is answered exactly once, whoever dies.
//   node lab/batch-chaos.mjs [--kills 50] [--seed 1]               # a front and two workers over a Valkey of one's own
//   node lab/batch-chaos.mjs --folder [--kills 50]                 # one server that keeps its batches in a folder
// At random moments, kill -9 of what the seed draws, which is started again a little later. All on the loopback, on the tiny model; files
// lie in a folder that is removed. Ends with 1 where a batch is not completed, or a custom_id does not stand in its output once.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { valkeyServer } from '../apps/node-runner/src/serve/batch/testing/valkey-server.ts'
import { batchClient, outputProblems } from './chaos/batch-client.mjs'
import { pause, random, startServe, TINY } from './serving.mjs'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    lines: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    folder: { type: 'boolean', default: false },
  },
})
const [kills, lines, seed] = [values.kills, values.lines, values.seed].map(Number)
const END_MS = 180_000

const folder = await mkdtemp(join(tmpdir(), 'g3-chaos-'))
const draw = random(seed)
const flags = [...TINY, '--slots', '4', '--context', '512']
const valkey = values.folder ? undefined : await valkeyServer(folder)

/** A server that can be started anew, with the flags that it had. */
async function restartable(more) {
  const start = () => startServe([...flags, ...more])
  let server = await start()
  return {
    get url() {
      return server.url
    },
    kill: () => server.kill(),
    async start() {
      server = await start()
    },
  }
}

const parts = new Map()
try {
  if (valkey) {
    const shared = ['--batch-queue', valkey.url]
    parts.set('front', await restartable([...shared, '--batch-slots', '0']))
    for (const worker of ['first worker', 'second worker'])
      parts.set(worker, await restartable([...shared, '--batch-slots', '4']))
    parts.set('valkey', valkey)
  } else parts.set('front', await restartable(['--data', join(folder, 'data')]))

  const client = batchClient(() => parts.get('front').url)
  const killed = {}
  const names = [...parts.keys()]
  let asked = await client.ask(lines)
  for (let kill = 0; kill < kills; kill++) {
    await pause(1000 * draw())
    // There is always something to lose.
    if ((await client.batch(asked)).status === 'completed') asked = await client.ask(lines)
    await pause(300 * draw())
    const name = names[Math.floor(draw() * names.length)]
    killed[name] = (killed[name] ?? 0) + 1
    await parts.get(name).kill()
    await pause(1000 * draw())
    await parts.get(name).start()
  }

  const problems = []
  const start = performance.now()
  const batches = await client.batches()
  for (const { id } of batches) {
    const batch = await client.ended(id, END_MS)
    problems.push(...(await outputProblems(client, batch, lines)))
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  console.log({ killed, batches: batches.length, lines: batches.length * lines, secondsToTheEnd: Number(seconds) })
  for (const problem of problems.slice(0, 20)) console.error(problem)
  console.log(problems.length === 0 ? 'each exactly once' : `${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
} finally {
  for (const part of parts.values()) await part.kill()
  await valkey?.kill()
  await rm(folder, { recursive: true, force: true })
}
