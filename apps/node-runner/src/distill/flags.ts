import { Option, type Command } from 'commander'
import { OPTIONS, realNumber, wholeNumber } from '../options.js'

const MOST_STEPS = 1_000_000
/** Tokens of the largest vocabulary. */
const MOST_TOP = 1 << 20

/**
 * `g3 distill` with its subcommands.
 * @param command makes a subcommand
 * @param modelOptions adds the options of a model
 */
export function distillCommand(
  command: (name: string, description: string) => Command,
  modelOptions: (into: Command) => Command,
): Command {
  const number = (flag: string, what: string, least: number, most: number): Option =>
    new Option(flag, what).argParser(wholeNumber(least, most))
  const real = (flag: string, what: string, least: number, most: number): Option =>
    new Option(flag, what).argParser(realNumber(least, most))

  const signal = modelOptions(command('signal', "write a teacher's probabilities to a file"))
    .requiredOption(
      '--data <file>',
      'JSONL of {text}, {prompt, completion} or {messages}; without a completion the teacher writes it',
    )
    .requiredOption('--out <file>', 'a safetensors file')
    .option('--prompt-file <file>', 'what the teacher sees before each text, and the student does not')
    .addOption(number('--samples <n>', 'tokens that are drawn for each position (default: 256)', 1, 65_536))
    .addOption(
      number('--top <n>', 'the n likeliest tokens instead, exactly; the vocabulary: all', 1, MOST_TOP).conflicts(
        'samples',
      ),
    )
    .addOption(OPTIONS.maxTokens())
    .option('--stop <text...>', 'where what the teacher writes ends; \\n is a new line')
    .addOption(OPTIONS.lora())
    .addOption(OPTIONS.seed())
    .addOption(OPTIONS.json('print one object'))
    .action(async (options) => (await import('../commands/distill-signal.js')).distillSignal(options))

  const train = command('train', 'teach an adapter on the CPU')
    .addOption(OPTIONS.model())
    .addOption(OPTIONS.threads())
    .addOption(OPTIONS.precision())
    .option('--data <file>', 'JSONL of {text}, {prompt, completion} or {messages}')
    .option('--signal <file>', "a teacher's signal, of `g3 distill signal`")
    .requiredOption('--out <file>', 'the adapter, a GGUF file')
    .addOption(number('--rank <n>', 'of the adapter (default: 8)', 1, 1024))
    .addOption(real('--alpha <x>', 'the adapter counts alpha / rank (default: twice the rank)', 1e-3, 1e6))
    .option('--targets <list>', 'matrices to adapt, with commas (default: all of attention and feed-forward)')
    .addOption(number('--steps <n>', 'how many (default: 100)', 1, MOST_STEPS))
    .addOption(number('--batch <n>', 'examples of a step (default: 8)', 1, 4096))
    .addOption(real('--rate <x>', 'largest rate of learning (default: 2e-4)', 1e-9, 1))
    .addOption(number('--warmup <n>', 'steps in which the rate rises (default: a tenth)', 0, MOST_STEPS))
    .addOption(real('--decay <x>', 'decay of weights (default: 0)', 0, 1))
    .addOption(real('--clip <x>', 'longest gradient (default: 1)', 1e-6, 1e6))
    .addOption(real('--leash <x>', 'how much the divergence from the base counts (default: 0)', 0, 1000))
    .addOption(real('--validation <share>', 'share of the examples that is judged, not learned', 0, 0.5).default(0))
    .addOption(number('--judge-every <n>', 'steps between judgements (default: a tenth)', 1, MOST_STEPS))
    .addOption(number('--patience <n>', 'judgements without a better one after which it stops', 1, MOST_STEPS))
    .addOption(number('--rows <n>', 'tokens that are computed together', 8, 2048))
    .addOption(number('--save-every <n>', 'steps between checkpoints', 1, MOST_STEPS).default(10))
    .option('--resume', 'go on from the checkpoint beside the adapter, where there is one')
    .option('--log <file>', 'a line of JSON for each step (default: beside the adapter)')
    .addOption(number('--seed <n>', 'the same seed gives the same adapter (default: 0)', 0, 2 ** 32 - 1))
    .addOption(OPTIONS.json('print one object'))
    .action(async (options) => (await import('../commands/distill-train.js')).distillTrain(options))

  const merge = command('merge', 'put an adapter into the matrices of a model')
    .addOption(OPTIONS.model())
    .addOption(OPTIONS.lora().makeOptionMandatory())
    .addOption(new Option('--type <type>', 'how changed matrices are stored').choices(['f16', 'q8_0']).default('f16'))
    .requiredOption('--out <file>', 'a GGUF file')
    .action(async (options) => (await import('../commands/distill-merge.js')).distillMerge(options))

  return command('distill', 'have a model learn from a teacher, or from your own texts')
    .addCommand(signal)
    .addCommand(train)
    .addCommand(merge)
}
