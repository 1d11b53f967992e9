import type { LanguageModelV4CallOptions, SharedV4Warning } from '@ai-sdk/provider'
import type { GenerateOptions } from '@g3/runtime'
import { toolInstructions, type Tool, type ToolChoice, type ToolForm } from '@g3/runtime/tools'
import type { ConstraintText } from '@g3/runtime/worker'
import { providerOptions, type G3ProviderOptions } from './provider-options.js'

/** A call of the AI SDK, in g3's terms. */
export interface Call {
  readonly options: Omit<GenerateOptions, 'constraint'>
  readonly constraint: ConstraintText | undefined
  /** What the model is told beside the prompt: of its tools, of the form of its answer. */
  readonly instructions: readonly string[]
  readonly tools: readonly Tool[]
  readonly form: ToolForm
  readonly panAndScan: boolean
  readonly warnings: readonly SharedV4Warning[]
}

/** @throws G3Error `tools/…` for tools that cannot be told of; the options' values are checked by `Model.generate` */
export function readCall(call: LanguageModelV4CallOptions): Call {
  const warnings: SharedV4Warning[] = []
  const own = providerOptions(call.providerOptions?.g3, warnings)
  const { toolForm: form = 'json', maxCalls, panAndScan = false, ...sampling } = own
  const { reasoning } = call
  if (reasoning !== undefined && reasoning !== 'provider-default' && reasoning !== 'none') {
    warnings.push({
      type: 'unsupported',
      feature: 'reasoning',
      details: 'Gemma 3 does not reason apart from its answer',
    })
  }
  const tools = readTools(call, warnings)
  const format = call.responseFormat?.type === 'json' ? call.responseFormat : undefined
  const isJson = format !== undefined && tools.length === 0
  if (format !== undefined && !isJson) {
    const details = 'with tools an answer is held to text and calls, not to a schema'
    warnings.push({ type: 'unsupported', feature: 'responseFormat', details })
  }
  const instructions: string[] = []
  if (tools.length > 0) instructions.push(toolInstructions(tools, form))
  if (isJson) instructions.push(jsonInstructions(format))
  return {
    options: { ...settings(call), ...sampling },
    constraint: isJson ? { schema: format.schema ?? JSON_VALUE } : toolConstraint(call, tools, form, maxCalls),
    instructions,
    tools,
    form,
    panAndScan,
    warnings,
  }
}

/** Where JSON is asked for without a schema, an object or a list is meant. */
const JSON_VALUE = { type: ['object', 'array'] }

const settings = (call: LanguageModelV4CallOptions): Omit<GenerateOptions, 'constraint'> => ({
  ...(call.maxOutputTokens !== undefined && { maxTokens: call.maxOutputTokens }),
  ...(call.temperature !== undefined && { temperature: call.temperature }),
  ...(call.topP !== undefined && { topP: call.topP }),
  ...(call.topK !== undefined && { topK: call.topK }),
  ...(call.presencePenalty !== undefined && { presencePenalty: call.presencePenalty }),
  ...(call.frequencyPenalty !== undefined && { frequencyPenalty: call.frequencyPenalty }),
  ...(call.seed !== undefined && { seed: call.seed }),
  ...(call.stopSequences !== undefined && { stop: call.stopSequences }),
  ...(call.abortSignal !== undefined && { signal: call.abortSignal }),
})

function readTools(call: LanguageModelV4CallOptions, warnings: SharedV4Warning[]): readonly Tool[] {
  return (call.tools ?? []).flatMap((tool): Tool[] => {
    if (tool.type === 'provider') {
      warnings.push({ type: 'unsupported', feature: `provider-defined tool ${tool.id}` })
      return []
    }
    const { name, description, inputSchema } = tool
    return [{ name, parameters: inputSchema, ...(description !== undefined && { description }) }]
  })
}

function toolConstraint(
  { toolChoice }: LanguageModelV4CallOptions,
  tools: readonly Tool[],
  form: ToolForm,
  maxCalls: G3ProviderOptions['maxCalls'],
): ConstraintText | undefined {
  if (tools.length === 0) return undefined
  return { tools, form, choice: choiceOf(toolChoice), ...(maxCalls !== undefined && { maxCalls }) }
}

function choiceOf(choice: LanguageModelV4CallOptions['toolChoice']): ToolChoice {
  if (choice === undefined) return 'auto'
  return choice.type === 'tool' ? { name: choice.toolName } : choice.type
}

type JsonFormat = Extract<LanguageModelV4CallOptions['responseFormat'], { type: 'json' }>

/** The constraint sees to the form; what the members mean the model can only be told. */
function jsonInstructions({ schema, name, description }: JsonFormat): string {
  const what = [name, description].filter((each) => each !== undefined).join(': ')
  return [
    `Answer with JSON only${what === '' ? '' : `, which is ${what}`}.`,
    ...(schema === undefined ? [] : ['It fits this JSON Schema:', JSON.stringify(schema)]),
  ].join('\n')
}
