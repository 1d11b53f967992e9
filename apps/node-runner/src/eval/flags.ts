import { Option, type Command } from 'commander'
import { OPTIONS, PRECISIONS, wholeNumber } from '../options.js'

/** Far more than fits into any context. */
const MOST = 1 << 20

const load = () => import('../commands/eval.js')

/**
 * `g3 eval` with its subcommands.
 * @param command makes a subcommand
 * @param modelOptions adds the options of a model
 */
export function evalCommand(
  command: (name: string, description: string) => Command,
  modelOptions: (into: Command) => Command,
): Command {
  const part = (name: string, description: string, data: string): Command =>
    modelOptions(command(name, description))
      .requiredOption('--data <file>', data)
      .addOption(OPTIONS.lora())
      .option('--limit <n>', 'only the first n lines', wholeNumber(1, MOST))
      .option('--svg <file>', 'draw the figures and their intervals')
      .addOption(OPTIONS.json('print one object, with each item'))
  const window = new Option('--window <n>', 'tokens that are seen together').argParser(wholeNumber(1, MOST))
  const recipe = new Option('--recipe <name>', 'the file is that of a benchmark, see `g3 eval recipes`')
  const texts = 'a text, or JSONL of {text}'

  return command('eval', 'measure a model on your own data')
    .addCommand(
      part('perplexity', 'how well texts are foreseen, in windows that overlap', texts)
        .addOption(window)
        .option('--stride <n>', 'tokens from one window to the next (default: half of one)', wholeNumber(1, MOST))
        .action(async (options) => (await load()).evalPerplexity(options)),
    )
    .addCommand(
      part('kl', 'how far predictions are from those of another model, precision, or without the adapters', texts)
        .option('--base <model>', 'the other model (default: the same)')
        .addOption(new Option('--base-precision <kind>', "the other one's").choices(PRECISIONS))
        .addOption(window)
        .action(async (options) => (await load()).evalKl(options)),
    )
    .addCommand(
      part(
        'choice',
        'whether the right one of some texts is the likeliest',
        'JSONL of {prompt or messages, choices, answer}',
      )
        .addOption(recipe)
        .action(async (options) => (await load()).evalChoice(options)),
    )
    .addCommand(
      part('generate', 'whether what it writes is right', 'JSONL of {prompt or messages, answer}')
        .addOption(recipe)
        .addOption(
          new Option('--metric <how>', 'the same text, the same last number, or JSON of the same value').choices([
            'exact',
            'math',
            'json',
          ]),
        )
        .addOption(OPTIONS.maxTokens())
        .option('--stop <text...>', 'where an answer ends; \\n is a new line')
        .action(async (options) => (await load()).evalGenerate(options)),
    )
    .addCommand(
      command('recipes', 'list the benchmarks that are known, and the files they want')
        .addOption(OPTIONS.json('print an array'))
        .action(async (options) => (await load()).evalRecipes(options)),
    )
}
