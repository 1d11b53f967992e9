import { createHash } from 'node:crypto'
import { appendFile, rm, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { G3Error } from '@g3/backend'
import {
  adapterFile,
  exampleOf,
  jsonLines,
  parsePlan,
  readSignal,
  student,
  train,
  type Example,
  type NamedExample,
  type StepReport,
  type TrainOptions,
} from '@g3/distill'
import { cpu } from '@g3/kernels-cpu'
import { openModel } from '@g3/runtime'
import { duration } from '../distill/curve.js'
import { watchRun } from '../distill/watch.js'
import { onInterrupt } from '../interrupt.js'
import { findModel, openModelFile } from '../loading.js'
import type { ModelOptions } from '../options.js'
import { note, print, printJson } from '../output.js'
import { peakRssBytes } from '../peak-rss.js'
import { byteProgress } from '../progress.js'
import { decodeUtf8 } from '../stdin.js'
import { readFileIfThere, readWholeFile, writeWholeFile } from '../whole-file.js'

export interface TrainFlags
  extends Pick<ModelOptions, 'model' | 'threads' | 'precision'>, Omit<TrainOptions, 'targets'> {
  readonly data?: string
  readonly signal?: string
  readonly targets?: string
  readonly rows?: number
  /** Share of the examples that are judged and not learned. */
  readonly validation: number
  readonly saveEvery: number
  readonly resume?: true
  readonly log?: string
  readonly out: string
  readonly json?: true
}

/** Rows of a step where the examples are short; the most that attention takes. */
const ROWS = { least: 256, most: 2048 } as const

/** `g3 distill train`: teaches an adapter and writes it as a GGUF file. */
export async function distillTrain(flags: TrainFlags): Promise<void> {
  const { out, log = `${out}.log.jsonl` } = flags
  if ((flags.data === undefined) === (flags.signal === undefined))
    throw new G3Error('cli/usage', 'give either --data or --signal')
  const { targets, ...rest } = flags
  const plan = parsePlan({
    ...rest,
    ...(targets !== undefined && { targets: targets.split(',').map((name) => name.trim()) }),
  })
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const path = flags.signal ?? flags.data ?? ''
  const bytes = await readWholeFile(path)
  const file = await findModel(flags.model, signal)
  const opened = await openModel(await openModelFile(file.path), { signal })
  const { precision = 'precise', threads } = flags
  await using backend = await cpu({ precision, ...(threads !== undefined && { threads }) })

  const examples: readonly (Example & Partial<NamedExample>)[] = flags.signal
    ? await readSignal(bytes, basename(path), opened.config.vocab)
    : jsonLines(decodeUtf8(bytes, path), basename(path)).map((line) => exampleOf(opened.tokenizer, line))
  const rows = rowsFor(examples, flags.rows)
  const [learned, judged] = split(examples, flags.validation)
  const mostTargets = Math.max(...examples.flatMap(({ wanted }) => wanted.map(({ ids }) => ids.length)))
  const checkpointPath = `${out}.checkpoint`
  const checkpoint = flags.resume ? await readFileIfThere(checkpointPath) : undefined

  const taught = await load()
  const start = performance.now()
  if (checkpoint === undefined) {
    await newLog(log)
    await tellTime()
  } else note(`Going on from ${checkpointPath}.`)
  using watch = watchRun()
  const onStep = async (report: StepReport): Promise<void> => {
    watch.step(report)
    await appendFile(log, `${JSON.stringify(report)}\n`).catch((cause: Error) => {
      throw new G3Error('cli/unwritable-file', `${log} cannot be written: ${cause.message}; go on with --resume`, {
        cause,
      })
    })
  }
  const result = await train(taught, learned, judged, plan, {
    mark: createHash('sha256').update(bytes).update(`${opened.name} ${precision} ${rows}`).digest('hex'),
    rows,
    signal,
    checkpoint,
    saveEvery: flags.saveEvery,
    save: (state) => writeWholeFile(checkpointPath, state),
    onStep,
  })
  await writeWholeFile(out, adapterFile(taught, basename(out, '.gguf'), plan.alpha))
  await rm(checkpointPath, { force: true })
  const told = {
    ...result,
    out,
    log,
    examples: learned.length,
    seconds: (performance.now() - start) / 1000,
    peakRssBytes: peakRssBytes(),
  }
  if (flags.json) await printJson(told)
  else
    await print(
      `${out}: ${result.steps} steps, loss ${result.loss.toFixed(4)}${result.stoppedEarly ? ', stopped early' : ''}\n`,
    )

  async function load() {
    using progress = byteProgress('loading')
    try {
      const { config, tensor } = opened
      return await student(backend, tensor, config, { ...plan, rows, mostTargets, signal, onProgress: progress.update })
    } finally {
      await opened.close()
    }
  }

  /** A step takes about as long as four judgements of the same texts. The first one compiles the kernels. */
  async function tellTime(): Promise<void> {
    const some = learned.slice(0, 1)
    const tokens = some[0].ids.length
    const mean = learned.reduce((sum, { ids }) => sum + ids.length, 0) / learned.length
    await taught.judge(some, 0)
    const before = performance.now()
    await taught.judge(some, 0)
    const seconds = ((performance.now() - before) / 1000 / tokens) * mean * plan.batch * plan.steps * 4
    const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20)
    note(
      `${learned.length} examples, ${judged.length} for validation; about ${duration(seconds)} for ${plan.steps} steps, ${megabytes} MiB of memory.`,
    )
  }
}

/** An empty log; what is no plain file, such as a pipe, stays as it is. */
async function newLog(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile()) await rm(path, { force: true })
}

/** Rows of a step: those that are asked for, or the longest example, or some short ones together. @throws G3Error `distill/too-long` */
function rowsFor(examples: readonly (Example & Partial<NamedExample>)[], asked: number | undefined): number {
  const most = asked ?? ROWS.most
  let longest = 0
  for (const [n, { ids, where = `text ${n + 1}` }] of examples.entries()) {
    if (ids.length > most) {
      const problem = `${where} has ${ids.length} tokens, and ${most} can be learned together`
      throw new G3Error('distill/too-long', `${problem}: ${asked ? 'raise --rows, ' : ''}shorten it or leave it out`)
    }
    longest = Math.max(longest, ids.length)
  }
  return asked ?? Math.max(ROWS.least, Math.ceil(longest / 32) * 32)
}

/** Every n-th example is for validation. */
function split<T>(examples: readonly T[], share: number): readonly [readonly T[], readonly T[]] {
  if (share === 0) return [examples, []]
  const every = Math.max(2, Math.round(1 / share))
  const isJudged = (n: number): boolean => n % every === every - 1
  return [examples.filter((_, n) => !isJudged(n)), examples.filter((_, n) => isJudged(n))]
}
