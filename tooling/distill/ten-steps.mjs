// Ten steps of training on a real model beside torch's: `node tooling/distill/ten-steps.mjs --model MODEL.gguf --python PYTHON [--precision exact]`.
// g3 and torch take turns in processes of their own, from the same matrices, on the same texts; torch computes in f32 with the dequantised
// weights, two threads each. Prints losses of each step, how far they are apart, seconds of a step, and peak memory. Needs torch and gguf.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { exampleOf, parsePlan, student, train } from '../../packages/distill/dist/index.js'
import { cpu } from '../../packages/kernels-cpu/dist/index.js'
import { fileSource } from '../../packages/runtime/dist/gguf.js'
import { openModel } from '../../packages/runtime/dist/index.js'

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    precision: { type: 'string', default: 'precise' },
    steps: { type: 'string', default: '10' },
    part: { type: 'string' },
    folder: { type: 'string' },
  },
})

const TEXTS = [
  'The ferry leaves the northern pier at seven in the morning and again at noon, unless the wind is stronger than the captain likes; then it waits, and those who want to cross drink tea in the hall, read the paper of the day before, and look at the sea, which has no opinion about the timetable.',
  'To keep bread fresh, let it cool on a rack before you put it away, wrap it in a clean cloth, and never store it in the fridge: the cold makes its starch hard within a day, while a wooden box in the kitchen keeps the crust as it should be and the crumb soft for three days or four.',
  'A binary search looks at the middle of a sorted list and throws one half away, so that a list of a million entries needs about twenty looks; it fails quietly when the list is not sorted, which is why careful people check that first, at least in their tests, and say so in a comment.',
  'When the museum reopened, the first visitors went straight to the small room with the maps, where somebody had drawn the coast with three islands that nobody ever found again; the guide told them that the draughtsman had been paid by the island, and that paper was patient at all times.',
]
const PLAN = { rank: 8, alpha: 16, steps: Number(flags.steps), batch: TEXTS.length, rate: 2e-4, warmup: 2, clip: 1, seed: 3 }
const ROWS = 384

const bytes = (values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** g3's part: writes the matrices it begins with, the texts and the plan, then its own losses. */
async function own(folder) {
  const opened = await openModel(await fileSource(await open(flags.model), 'model'))
  await using backend = await cpu({ threads: 2, precision: flags.precision })
  const plan = parsePlan(PLAN)
  const taught = await student(backend, opened.tensor, opened.config, { ...plan, rows: ROWS, mostTargets: 1 })
  const examples = TEXTS.map((text) => exampleOf(opened.tokenizer, { row: { text }, where: 'a text' }))
  writeFileSync(join(folder, 'values.bin'), Buffer.concat(taught.parameters.all.map(({ values }) => bytes(values))))
  const rates = []
  const [losses, seconds] = [[], []]
  const onStep = ({ loss, rate, milliseconds }) => {
    losses.push(loss)
    rates.push(rate)
    seconds.push(milliseconds / 1000)
  }
  await train(taught, examples, [], plan, { mark: 'ten steps', rows: ROWS, onStep })
  const ids = examples.map(({ ids }) => [...ids])
  writeFileSync(join(folder, 'task.json'), JSON.stringify({ ids, rates, clip: plan.clip, rank: plan.rank, alpha: plan.alpha }))
  writeFileSync(join(folder, 'g3.json'), JSON.stringify({ losses, seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }))
}

function both() {
  const folder = mkdtempSync(join(tmpdir(), 'g3-ten-steps-'))
  const run = (command, args) => {
    const { status } = spawnSync(command, args, { stdio: 'inherit' })
    if (status !== 0) throw new Error(`${command} ended with ${status}`)
  }
  try {
    run(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--part', 'g3', '--folder', folder])
    run(flags.python, [fileURLToPath(new URL('ten_steps.py', import.meta.url)), '--base', flags.model, '--folder', folder])
    const read = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'))
    const [g3, torch] = [read('g3.json'), read('torch.json')]
    const apart = g3.losses.map((loss, n) => Math.abs(loss / torch.losses[n] - 1))
    for (const [n, loss] of g3.losses.entries()) {
      console.log(`step ${n + 1}: g3 ${loss.toFixed(5)}, torch ${torch.losses[n].toFixed(5)}, apart ${(100 * apart[n]).toFixed(3)} %`)
    }
    const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
    const [own, other] = [median(g3.seconds), median(torch.seconds)]
    console.log(`largest ${(100 * Math.max(...apart)).toFixed(3)} %`)
    console.log(`seconds of a step: g3 ${own.toFixed(2)}, torch ${other.toFixed(2)}; speed ${(other / own).toFixed(2)}`)
    console.log(`peak memory, MB: g3 ${(g3.peakBytes / 1e6).toFixed(0)}, torch ${(torch.peakBytes / 1e6).toFixed(0)}; ${(g3.peakBytes / torch.peakBytes).toFixed(2)}`)
    process.exitCode = Math.max(...apart) < 0.01 ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (flags.part === 'g3') await own(flags.folder)
else both()
