import type { GenerateOptions, Generation, Overflow } from '@g3/runtime'
import { constraints } from '@g3/runtime/grammar'
import { useAdapters } from '../adapters.js'
import { EXIT } from '../failure.js'
import { grammarOf, type GrammarFlags } from '../grammar-flags.js'
import { onInterrupt } from '../interrupt.js'
import { loadForCommand, type LoadedModel } from '../loading.js'
import { hearing, logprobsJson, logprobsLine } from '../logprobs.js'
import type { AdapterFlag, ModelOptions, OverflowFlags } from '../options.js'
import { note, print, printJson, printText } from '../output.js'
import { peakRssBytes } from '../peak-rss.js'
import { picturesOf, viewsOf } from '../pictures.js'
import { pictureProgress } from '../progress.js'
import { samplingOf, type SamplingFlags } from '../sampling-flags.js'
import { openSession, saveSession } from '../session.js'
import { speculationOf } from '../speculation.js'
import { readStdin } from '../stdin.js'
import { askedTools, type AskedTools, type ToolFlags } from '../tool-flags.js'

export interface RunOptions extends ModelOptions, SamplingFlags, OverflowFlags, GrammarFlags, ToolFlags {
  readonly maxTokens?: number
  readonly speculate?: string
  readonly logprobs?: number
  readonly promptLogprobs?: number
  readonly session?: string
  readonly lora?: readonly AdapterFlag[]
  readonly image?: readonly string[]
  readonly panAndScan?: true
  readonly json?: true
}

/** The same command gives the same words, unless another seed is asked for. */
const SEED = 0

/** A base model has no reason to stop; a tuned one ends its turn by itself. */
const BASE_TOKENS = 128

/** `g3 run PROMPT`: a chat turn for an instruction-tuned model, plain text to go on with for a base model. */
export async function run(argument: string, options: RunOptions): Promise<void> {
  const prompt = argument === '-' ? withoutLastNewline(await readStdin()) : argument
  const grammar = await grammarOf(options)
  const toolsFor = await askedTools(options)
  using interrupt = onInterrupt()
  await using loaded = await loadForCommand(options, interrupt.signal)
  const { model, instructionTuned } = loaded
  await useAdapters(model, options.lora ?? [], interrupt.signal)
  const before = options.session === undefined ? undefined : await openSession(model, options.session)
  const pictures = await picturesOf(model, options, interrupt.signal)
  const tools = toolsFor?.(instructionTuned)
  const instructions = tools === undefined ? [] : [{ role: 'system', content: tools.instructions }]
  const asked =
    instructionTuned || pictures.length > 0 || tools !== undefined
      ? [...instructions, { role: 'user', content: [...pictures, { type: 'text', text: prompt }] }]
      : prompt
  const endsByItself = instructionTuned || grammar !== undefined || tools !== undefined
  await using speculation = await speculationOf(options.speculate, options, interrupt.signal)
  using progress = pictureProgress(viewsOf(pictures))
  const asking = model.generate(model.encode(asked, before), {
    onEncode: progress.encoded,
    onPrefill: progress.read,
    // What is held to a grammar ends by itself.
    ...generateOptions({ seed: SEED, ...options }, endsByItself, interrupt.signal),
    ...(grammar && { constraint: constraints(grammar, model.vocabulary()).start() }),
    ...tools?.constraint(model),
    ...(speculation.drafter && { speculate: speculation.drafter }),
    ...(options.logprobs !== undefined && { logprobs: options.logprobs }),
    ...(options.promptLogprobs !== undefined && { promptLogprobs: options.promptLogprobs }),
  })
  const { tokenizer } = model
  const { generation, told } = hearing(asking)
  if (options.json) {
    const toolCalls = await tools?.read(generation, async () => {})
    if (tools === undefined) for await (const _ of generation);
    const { promptLogprobs } = await generation.result()
    await printJson({
      ...(await report(generation.result(), loaded)),
      ...(toolCalls && { toolCalls }),
      ...(options.logprobs !== undefined && { logprobs: told.map((each) => logprobsJson(tokenizer, each)) }),
      ...(promptLogprobs && {
        promptLogprobs: promptLogprobs.map((each) => (each ? logprobsJson(tokenizer, each) : null)),
      }),
    })
  } else {
    await (tools ? printCalls(tools, generation) : printGeneration(generation))
    const { promptLogprobs = [] } = await generation.result()
    for (const each of [...promptLogprobs, ...told]) if (each) note(logprobsLine(tokenizer, each))
  }
  if ((await generation.result()).stopReason === 'aborted') process.exitCode = EXIT.interrupted
  else if (options.session !== undefined) await saveSession(model, options.session)
}

async function printGeneration(generation: Generation): Promise<void> {
  let last = ''
  for await (const { text } of generation) {
    if (text === '') continue
    last = text
    await printText(text)
  }
  if (!last.endsWith('\n')) await print('\n')
}

/** Text as it comes, and each call as a line of JSON. */
async function printCalls(tools: AskedTools, generation: Generation): Promise<void> {
  let last = '\n'
  const show = async (text: string): Promise<void> => {
    last = text
    await printText(text)
  }
  await tools.read(generation, async (event) => {
    if (event.type === 'text') await show(event.text)
    if (event.type === 'call') await show(`${last.endsWith('\n') ? '' : '\n'}${JSON.stringify(event.call)}\n`)
  })
  if (!last.endsWith('\n')) await print('\n')
}

export function generateOptions(
  { maxTokens, overflow, keep, ...sampling }: RunOptions,
  endsByItself: boolean,
  signal: AbortSignal,
): GenerateOptions {
  const limit = maxTokens ?? (endsByItself ? undefined : BASE_TOKENS)
  return {
    signal,
    ...samplingOf(sampling),
    overflow,
    onOverflow: noteOverflow,
    ...(keep !== undefined && { keep }),
    ...(limit !== undefined && { maxTokens: limit }),
  }
}

const noteOverflow = ({ policy, dropped, kept, length }: Overflow): void =>
  note(
    policy === 'stop'
      ? `The context of ${length} tokens is full: the text ends here.`
      : `The context is full: ${dropped} tokens after the first ${kept} were dropped.`,
  )

type Result = Awaited<ReturnType<ReturnType<LoadedModel['model']['generate']>['result']>>

async function report(running: Promise<Result>, { loadMs, backend, backendReason }: LoadedModel): Promise<object> {
  const {
    text,
    ids,
    promptTokens,
    cachedTokens,
    stopReason,
    prefillMs,
    prefillTokensPerSecond,
    decodeTokensPerSecond,
  } = await running
  return {
    text,
    ids,
    promptTokens,
    reusedTokens: cachedTokens,
    prefilledTokens: promptTokens - cachedTokens,
    stopReason,
    loadMs: round(loadMs),
    prefillMs: round(prefillMs),
    prefillTokensPerSecond: round(prefillTokensPerSecond),
    decodeTokensPerSecond: round(decodeTokensPerSecond),
    peakRssBytes: peakRssBytes(),
    backend: backend.caps.name,
    ...(backendReason !== undefined && { backendReason }),
    threads: backend.caps.threads,
  }
}

const round = (value: number): number => Math.round(value * 100) / 100

/** A pipe's text ends in a newline that the prompt does not mean: `echo Hello | g3 run -`. */
const withoutLastNewline = (text: string): string => text.replace(/\r?\n$/, '')
