import { readFile } from 'node:fs/promises'
import { G3Error } from '@g3/backend'
import { InvalidArgumentError, type Command, type Option } from 'commander'

/** The option that names the file, which the file itself cannot have. */
const CONFIG = 'config'

/** Adds options to a command, each with a variable that speaks for it: `--max-body` has `G3_SERVE_MAX_BODY`. */
export function addWithVariables(command: Command, options: readonly Option[], prefix: string): Command {
  for (const option of options) {
    const name = `${prefix}_${option.name().toUpperCase().replaceAll('-', '_')}`
    // A variable of a switch would turn it on whatever it says.
    command.addOption(takesValue(option) && option.envVar === undefined ? option.env(name) : option)
  }
  return command
}

/**
 * Takes options from a file of JSON, whose keys are the names of flags in camel case. Flags and variables come before it,
 * defaults after it. A value is checked as the flag's would be.
 * @throws G3Error `cli/unreadable-file`, `cli/bad-config` that names the key
 */
export async function addConfig(command: Command, path: string): Promise<void> {
  const known = new Map(command.options.map((option) => [option.attributeName(), option]))
  known.delete(CONFIG)
  for (const [key, value] of Object.entries(await readConfig(path))) {
    const option = known.get(key)
    if (option === undefined)
      throw wrong(path, `it has no option ${key}; those that there are: ${[...known.keys()].join(', ')}`)
    const parsed = valueOf(option, value, (why) => wrong(path, `${key}: ${why}`))
    const source = command.getOptionValueSource(key)
    if (source === undefined || source === 'default') command.setOptionValueWithSource(key, parsed, CONFIG)
  }
}

const takesValue = (option: Option): boolean => option.required || option.optional

const wrong = (path: string, why: string): G3Error =>
  new G3Error('cli/bad-config', `the configuration ${path} is wrong: ${why}`)

async function readConfig(path: string): Promise<object> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new G3Error('cli/unreadable-file', `the configuration ${path} cannot be read: ${cause.message}`, { cause })
  })
  let config: unknown
  try {
    config = JSON.parse(text)
  } catch (cause) {
    throw wrong(path, cause instanceof Error ? cause.message : String(cause))
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw wrong(path, 'it must be one JSON object')
  return config
}

/** What a value in the file is to the command; several values of a flag are an array. */
function valueOf(option: Option, value: unknown, refuse: (why: string) => G3Error): unknown {
  if (!takesValue(option)) {
    if (typeof value !== 'boolean') throw refuse('it must be true or false')
    return value
  }
  const parse = (one: unknown, before: unknown): unknown => {
    // What nothing checks further is a text; a number in its place is a mistake.
    const isText = typeof one === 'string' && one !== ''
    if (!isText && !(typeof one === 'number' && option.parseArg)) throw refuse(`it cannot be ${JSON.stringify(one)}`)
    try {
      return option.parseArg ? option.parseArg(String(one), before) : one
    } catch (problem) {
      if (problem instanceof InvalidArgumentError) throw refuse(problem.message)
      throw problem
    }
  }
  if (!Array.isArray(value)) return parse(value, undefined)
  if (!option.variadic) throw refuse('it has one value, not several')
  return value.reduce<unknown>((before, one) => parse(one, before), undefined)
}
