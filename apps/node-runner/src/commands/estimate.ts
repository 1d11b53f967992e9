import { totalmem } from 'node:os'
import type { CacheType } from '@g3/backend'
import { configFromGguf, estimate as estimateOf, type Estimate } from '@g3/runtime'
import { autoFootprint } from '@g3/runtime/auto'
import { readGguf } from '@g3/runtime/gguf'
import { onInterrupt } from '../interrupt.js'
import { openModelFile } from '../loading.js'
import { locatedName, locateModel, openLocated } from '../models/locate.js'
import { note, print, printJson } from '../output.js'
import { table } from '../table.js'

export interface EstimateFlags {
  readonly model?: string
  readonly threads?: number
  readonly context?: number
  readonly cacheType: CacheType
  readonly sequences: number
  readonly budget?: number
  readonly mmproj?: string
  readonly json?: true
}

/** `g3 estimate [MODEL]`: the memory that a model will take. Reads no more than its header, wherever the file is. */
export async function estimate(argument: string | undefined, flags: EstimateFlags): Promise<void> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const located = await locateModel(argument ?? flags.model, process.env, note)
  const source = await openLocated(located, signal)
  const encoder = flags.mmproj === undefined ? undefined : await openModelFile(flags.mmproj)
  try {
    const gguf = await readGguf(source, { signal })
    const { threads, context, cacheType, sequences, budget } = flags
    const budgetBytes = budget ?? machineBytes()
    const result = estimateOf({
      gguf,
      cacheType,
      sequences,
      budgetBytes,
      footprint: await autoFootprint({ ...(threads !== undefined && { threads }) }),
      ...(context !== undefined && { context }),
      ...(encoder && { mmproj: await readGguf(encoder, { signal }) }),
    })
    const trained = configFromGguf(gguf).context
    const report = { model: locatedName(located), cacheType, sequences, budgetBytes, ...result }
    await (flags.json ? printJson(report) : print(page(report, trained, budget === undefined, encoder !== undefined)))
  } finally {
    await encoder?.close?.()
    await source.close?.()
  }
}

/** Memory of this machine, or what the system lets this process have of it. */
function machineBytes(): number {
  // 0, or more than there is, where nothing is set.
  const allowed = process.constrainedMemory()
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem()
}

interface Report extends Estimate {
  readonly model: string
  readonly cacheType: CacheType
  readonly sequences: number
  readonly budgetBytes: number
}

function page(report: Report, trained: number, isMachine: boolean, sees: boolean): string {
  const { model, cacheType, sequences, context, weightsBytes, cache, scratchBytes, peakBytes } = report
  const texts = sequences === 1 ? 'one text' : `${sequences} texts`
  const rows = [
    ['weights', mebibytes(weightsBytes), sees ? "the image encoder's, too" : ''],
    ['cache, global layers', mebibytes(cache.globalBytes), 'keys and values of the whole text'],
    ['cache, local layers', mebibytes(cache.localBytes), 'keys and values of the window'],
    ['scratch', mebibytes(scratchBytes), 'activations, threads, tokenizer, pages partly used'],
    ['peak', mebibytes(peakBytes), 'when the context is full'],
  ]
  const checkpoint = mebibytes(report.checkpointBytes)
  return [
    `${model}: ${texts} of ${grouped(context)} tokens, cache in ${cacheType}\n`,
    `${table(['memory', 'MiB', ''], rows, [1])}`,
    `A chat that branches can add ${checkpoint} MiB for each checkpoint that it keeps.${sees ? '' : ' No image encoder is counted: --mmproj names one.'}`,
    `${verdict(report, trained, isMachine)}\n`,
  ].join('\n')
}

function verdict({ budgetBytes, maxContextForBudget: most }: Report, trained: number, isMachine: boolean): string {
  const budget = `${(budgetBytes / 2 ** 30).toFixed(1)} GiB${isMachine ? ' of this machine' : ''}`
  if (most === 0) return `Into ${budget} it does not fit with any context.`
  const all = most + 128 > trained ? ', all that it was trained for' : ''
  return `Into ${budget} fits a context of ${grouped(most)} tokens${all}.`
}

const mebibytes = (bytes: number): string => grouped(Math.ceil(bytes / 2 ** 20))

/** A whole number with its thousands set apart. */
const grouped = (count: number): string => count.toLocaleString('en')
