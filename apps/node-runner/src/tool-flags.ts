import { constraints } from '@g3/runtime/grammar'
import type { GenerateOptions, Generation, Model } from '@g3/runtime'
import {
  callReader,
  toolGrammar,
  toolInstructions,
  toolsFromJson,
  type Tool,
  type ToolCall,
  type ToolChoice,
  type ToolEvent,
  type ToolForm,
} from '@g3/runtime/tools'
import { readJson } from './grammar-flags.js'
import { note } from './output.js'

/** The functions that the model of `g3 run` may call. */
export interface ToolFlags {
  /** Path of a JSON array of definitions, as OpenAI's API takes them. */
  readonly tools?: string
  /** `auto`, `required`, `none` or a function's name. */
  readonly toolChoice?: string
  readonly toolForm?: ToolForm
}

/** What {@link ToolFlags} ask for. */
export interface AskedTools {
  /** What tells the model of the functions. */
  readonly instructions: string
  /** Holds its answer to text and calls. */
  constraint(model: Model): GenerateOptions
  /** The text and the calls of an answer; who listens is told of them as they come. */
  read(generation: Generation, listen: (event: ToolEvent) => Promise<void>): Promise<readonly ToolCall[]>
}

/** @throws G3Error `cli/…` for the file, `tools/…` and `grammar/…` for what is in it */
export async function askedTools({
  tools: path,
  toolChoice,
  toolForm,
}: ToolFlags): Promise<((isTuned: boolean) => AskedTools) | undefined> {
  if (path === undefined) return undefined
  const tools = toolsFromJson(await readJson(path))
  // Whatever is wrong with them is said before a model is loaded.
  const form = toolForm ?? 'json'
  const grammars = {
    auto: toolGrammar(tools, { form }),
    required: toolGrammar(tools, { form, choice: choiceOf(toolChoice ?? 'required') }),
  }
  return (isTuned) => ({
    instructions: toolInstructions(tools, form),
    // A base model was not tuned to decide whether to call.
    constraint: (model) => ({
      constraint: constraints(
        toolChoice === undefined && isTuned ? grammars.auto : grammars.required,
        model.vocabulary(),
      ).start(),
    }),
    read: (generation, listen) => readAnswer(generation, tools, listen),
  })
}

const choiceOf = (choice: string): ToolChoice =>
  choice === 'auto' || choice === 'required' || choice === 'none' ? choice : { name: choice }

async function readAnswer(
  generation: Generation,
  tools: readonly Tool[],
  listen: (event: ToolEvent) => Promise<void>,
): Promise<readonly ToolCall[]> {
  const reader = callReader(tools)
  const calls: ToolCall[] = []
  const take = async (events: readonly ToolEvent[]): Promise<void> => {
    for (const event of events) {
      if (event.type === 'call') calls.push(event.call)
      if (event.type === 'call-error') note(`A call is left out: ${event.error.message} (${event.error.code})`)
      await listen(event)
    }
  }
  for await (const { text } of generation) await take(reader.push(text))
  await take(reader.end())
  return calls
}
