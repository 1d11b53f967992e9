import { check, G3Error } from '@g3/backend'
import { machine } from '../grammar/machine.js'
import type { Grammar } from '../grammar/part.js'
import { compileSchema } from '../grammar/schema/compile.js'
import { spellJson } from '../grammar/schema/literals.js'
import { isStandardSchema } from '../grammar/schema/standard.js'
import { knownTools, type Tool, type ToolCall } from './tool.js'

/** Checks calls, and runs them. */
export interface Toolset {
  /**
   * The arguments of a call as its tool takes them: a Standard Schema's own output, or what was given.
   * @throws G3Error `tools/unknown-tool`, `tools/bad-arguments`
   */
  check(call: ToolCall): Promise<unknown>
  /** Checks a call and runs it. @throws G3Error as {@link check}; `tools/no-run`; what the tool throws */
  run(call: ToolCall, signal?: AbortSignal): Promise<unknown>
}

const utf8 = new TextEncoder()

/** @throws G3Error `tools/bad-tool`; from its functions `grammar/…` for a schema that cannot be checked */
export function toolset(tools: readonly Tool[]): Toolset {
  const known = knownTools(tools)
  const grammars = new Map<string, Grammar>()

  const toolOf = ({ name }: ToolCall): Tool => {
    const found = known.get(name)?.tool
    if (found) return found
    throw new G3Error('tools/unknown-tool', `there is no tool ${name}; there are ${[...known.keys()].join(', ')}`)
  }

  const fits = ({ name, arguments: args }: ToolCall): boolean => {
    const grammar = grammars.get(name) ?? compileSchema(known.get(name)?.schema, { order: 'any' })
    grammars.set(name, grammar)
    const run = machine(grammar)
    return utf8.encode(spellJson(args)).reduce((state, byte) => run.step(state, byte), run.start).ends
  }

  const checkCall = async (call: ToolCall): Promise<unknown> => {
    const { parameters } = toolOf(call)
    if (isStandardSchema(parameters)) {
      const result = await parameters['~standard'].validate(call.arguments)
      if (!result.issues) return result.value
      const why = result.issues.map(({ message }) => message).join('; ')
      throw new G3Error('tools/bad-arguments', `the arguments do not fit: ${why}`)
    }
    const schema = JSON.stringify(known.get(call.name)?.schema)
    check(fits(call), 'tools/bad-arguments', `the arguments do not fit their schema ${schema}`)
    return call.arguments
  }

  return {
    check: checkCall,
    async run(call, signal) {
      const one = toolOf(call)
      const args = await checkCall(call)
      check(
        one.run !== undefined,
        'tools/no-run',
        `the tool ${call.name} has no run: give it one, or read calls yourself`,
      )
      return one.run(args, { signal })
    },
  }
}
