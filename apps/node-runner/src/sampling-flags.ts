import type { SamplingOptions } from '@g3/runtime'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { OPTIONS, realNumber, wholeNumber } from './options.js'

/** What the flags of sampling parse to. */
export interface SamplingFlags {
  readonly temperature: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly typical?: number
  readonly xtcProbability?: number
  readonly xtcThreshold?: number
  readonly dryMultiplier?: number
  readonly dryBase?: number
  readonly dryAllowedLength?: number
  readonly dryLast?: number
  readonly dryBreaker?: readonly string[]
  readonly repetitionPenalty?: number
  readonly frequencyPenalty?: number
  readonly presencePenalty?: number
  readonly penaltyLast?: number
  readonly logitBias?: Readonly<Record<number, number>>
  readonly seed?: number
}

/** Parses ID=VALUE and adds it to those before; -inf forbids an id. */
function bias(text: string, before: Readonly<Record<number, number>> = {}): Readonly<Record<number, number>> {
  const [, id = '', value = ''] = /^(\d+)=(.+)$/.exec(text) ?? []
  if (id === '')
    throw new InvalidArgumentError('It must be a token id and what is added to its logit, such as 107=-2.5.')
  const added = /^-inf(inity)?$/i.test(value) ? -Infinity : realNumber(-1e6, 1e6)(value)
  return { ...before, [wholeNumber(0, 2 ** 24)(id)]: added }
}

const number = (flags: string, description: string, parse: (text: string) => number): Option =>
  new Option(flags, description).argParser(parse)

const penalty = (name: string, description: string): Option =>
  number(`--${name} <p>`, description, realNumber(-100, 100))

/** In the order in which they act; the temperature is the last of them. */
export function samplingFlags(into: Command): Command {
  const flags = [
    new Option('--logit-bias <id=value>', "added to a token's logit, -inf forbids it; may be given again").argParser(
      bias,
    ),
    number('--repetition-penalty <p>', 'divides the logits of what the text has (default: 1)', realNumber(1e-3, 100)),
    penalty('frequency-penalty', 'taken from a logit for each time that the text has the token (default: 0)'),
    penalty('presence-penalty', 'taken from a logit where the text has the token (default: 0)'),
    number('--penalty-last <n>', 'tokens that these three look at (default: 64)', wholeNumber(0, 1024)),
    number(
      '--dry-multiplier <x>',
      'taken from tokens that make a repeat longer, 0 for none (default: 0)',
      realNumber(0, 100),
    ),
    number('--dry-base <x>', 'by what that grows with each token of the repeat (default: 1.75)', realNumber(1, 100)),
    number('--dry-allowed-length <n>', 'repeated tokens from which on DRY acts (default: 2)', wholeNumber(1, 1 << 20)),
    number('--dry-last <n>', 'tokens that DRY looks at (default: all)', wholeNumber(0, 1 << 20)),
    new Option(
      '--dry-breaker <text>',
      'across this DRY sees no repeat; may be given again, none takes all away (default: line break, :, " and *)',
    ).argParser((text: string, before: readonly string[] = []) => (text === 'none' ? [] : [...before, text])),
    OPTIONS.topK(),
    number(
      '--typical <p>',
      'sample among the tokens of the most typical information that sum to p (default: 1)',
      realNumber(1e-9, 1),
    ),
    OPTIONS.topP(),
    OPTIONS.minP(),
    number(
      '--xtc-probability <p>',
      'how often all but the last of the likely tokens are left out (default: 0)',
      realNumber(0, 1),
    ),
    number('--xtc-threshold <p>', 'what is likely for XTC (default: 0.1)', realNumber(0, 1)),
    OPTIONS.temperature(),
    OPTIONS.seed(),
  ]
  for (const flag of flags) into.addOption(flag)
  return into
}

/** What is given, by the runtime's names. */
export function samplingOf({ typical, dryBreaker, ...flags }: SamplingFlags): SamplingOptions {
  const names = [
    'temperature',
    'topK',
    'topP',
    'minP',
    'xtcProbability',
    'xtcThreshold',
    'dryMultiplier',
    'dryBase',
    'dryAllowedLength',
    'dryLast',
    'repetitionPenalty',
    'frequencyPenalty',
    'presencePenalty',
    'penaltyLast',
    'logitBias',
    'seed',
  ] as const
  const given = names.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]])
  return {
    ...Object.fromEntries(given),
    ...(typical !== undefined && { typicalP: typical }),
    ...(dryBreaker !== undefined && { dryBreakers: dryBreaker }),
  }
}
