import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { parseEngines } from './bench/engine-spec.js'
import { distillCommand } from './distill/flags.js'
import { evalCommand } from './eval/flags.js'
import { note } from './output.js'
import { byteCount, OPTIONS, realNumber, wholeNumber, wholeNumbers } from './options.js'
import { samplingFlags } from './sampling-flags.js'
import { serveCommand } from './serve/flags.js'

/** A subcommand that refuses what it does not know. */
function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .allowExcessArguments(false)
    .exitOverride()
    .showHelpAfterError(`Try \`g3 ${name} --help\`.`)
    .configureOutput({
      writeErr: (text) => note(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error:/, 'g3:')),
    })
}

function modelOptions(into: Command): Command {
  return into
    .addOption(OPTIONS.model())
    .addOption(OPTIONS.backend())
    .addOption(OPTIONS.threads())
    .addOption(OPTIONS.precision())
    .addOption(OPTIONS.context())
    .addOption(OPTIONS.cacheType())
    .addOption(OPTIONS.mmproj())
}

function samplingOptions(into: Command): Command {
  return samplingFlags(into)
    .addOption(OPTIONS.maxTokens())
    .addOption(OPTIONS.overflow())
    .addOption(OPTIONS.keep())
    .option('--speculate <how>', 'check guesses several at a time: lookup, none, or a smaller model (default: none)')
}

const logprobsOptions = (into: Command): Command =>
  into
    .addOption(
      new Option('--logprobs <n>', 'tell how likely each token was, beside the n likeliest').argParser(
        wholeNumber(0, 20),
      ),
    )
    .addOption(new Option('--prompt-logprobs <n>', "the same of the prompt's tokens").argParser(wholeNumber(0, 20)))

const sessionOption = (into: Command): Command =>
  into.option('--session <file>', 'go on from the text in this file, and leave it there with the answer')

const grammarOptions = (into: Command): Command =>
  into
    .addOption(new Option('--schema <file>', 'answer with JSON of this JSON Schema').conflicts(['regex', 'grammar']))
    .addOption(new Option('--regex <pattern>', 'answer with what this regular expression matches').conflicts('grammar'))
    .option('--grammar <file>', 'answer with what this GBNF grammar derives')

const toolOptions = (into: Command): Command =>
  into
    .addOption(
      new Option('--tools <file>', 'functions that it may call: a JSON array of definitions, as for OpenAI').conflicts(['schema', 'regex', 'grammar']),
    )
    .option(
      '--tool-choice <choice>',
      'auto, required, none or the name of one (default: auto, and required for a base model, which was not tuned to decide)',
    )
    .addOption(new Option('--tool-form <form>', 'how it writes calls (default: json)').choices(['json', 'python', 'tool_code']))

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const found =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined
  return String(found)
}

const imageOptions = (into: Command): Command =>
  into
    .option(
      '--image <file>',
      'an image that the prompt is about, before it; may be given again',
      (file: string, before: string[] = []) => [...before, file],
    )
    .option('--pan-and-scan', 'shows long images in crops, too')

/** The whole command line. Each action imports its command when it is called. */
export function program(): Command {
  const run = command('run', 'answer one prompt: text on stdout, all else on stderr')
    .argument('<prompt>', '- reads it from stdin')
    .action(async (prompt, options) => (await import('./commands/run.js')).run(prompt, options))
  logprobsOptions(toolOptions(grammarOptions(sessionOption(imageOptions(samplingOptions(modelOptions(run)))))))
    .addOption(OPTIONS.lora())
    .addOption(OPTIONS.json('print one object with text, ids, stop reason and timings'))

  const chat = command('chat', 'talk with the model; /help in it tells more')
    .option('--system <text>', 'instructions that the model sees first')
    .action(async (options) => (await import('./commands/chat.js')).chat(options))
  samplingOptions(modelOptions(chat))

  // What `npm start` calls: one word less for a newcomer.
  const start = command('start', 'run with a prompt, chat without one')
    .argument('[prompt]')
    .action(async (prompt, options) =>
      prompt === undefined
        ? (await import('./commands/chat.js')).chat(options)
        : (await import('./commands/run.js')).run(prompt, options),
    )
  logprobsOptions(toolOptions(grammarOptions(sessionOption(imageOptions(samplingOptions(modelOptions(start))))))).addOption(OPTIONS.json('as `g3 run --json`'))

  const pull = command('pull', 'fetch a model into the cache and print its path')
    .argument('[model]', 'a name from `g3 models`, or a URL')
    .action(async (model) => (await import('./commands/pull.js')).pull(model))

  const models = command('models', 'list the models known by name, and which are here')
    .addOption(OPTIONS.json('print an array'))
    .action(async (options) => (await import('./commands/models.js')).models(options))

  const inspect = command('inspect', "show a GGUF file's header, metadata and tensors")
    .argument('[model]', 'a name, a path or a URL')
    .addOption(OPTIONS.model())
    .addOption(OPTIONS.json('print one object'))
    .action(async (model, options) => (await import('./commands/inspect.js')).inspect(model, options))

  const estimate = command('estimate', 'tell the memory that a model will take, from its header alone, wherever it is')
    .argument('[model]', 'a name, a path or a URL')
    .addOption(OPTIONS.model())
    .addOption(OPTIONS.context())
    .addOption(OPTIONS.cacheType().default('f16'))
    .option('--sequences <n>', 'texts at a time, each as long as the context', wholeNumber(1, 1024), 1)
    .option('--budget <size>', 'memory that there is, such as 4GiB (default: this machine has)', byteCount)
    .addOption(OPTIONS.mmproj())
    .addOption(OPTIONS.threads())
    .addOption(OPTIONS.json('print one object'))
    .action(async (model, options) => (await import('./commands/estimate.js')).estimate(model, options))

  const tokenize = command('tokenize', 'turn stdin into token ids, without a beginning-of-sequence id')
    .addOption(OPTIONS.model())
    .option('--special', 'recognise control tokens such as <start_of_turn>')
    .addOption(OPTIONS.json('print {ids, tokens}').conflicts('lines'))
    .option('--lines', 'each line of stdin is a JSON string, each line of stdout its ids')
    .action(async (options) => (await import('./commands/tokenize.js')).tokenize(options))

  const schema = command('schema', 'tell what can be done with a JSON Schema').addCommand(
    command('check', 'tell whether a schema can be enforced, and whether the constraint accepts instances')
      .argument('<file>', 'a JSON Schema')
      .argument('[instance...]', 'JSON files')
      .addOption(OPTIONS.model())
      .addOption(OPTIONS.json('print one object'))
      .action(async (file, instances, options) =>
        (await import('./commands/schema.js')).checkSchema(file, instances, options),
      ),
  )

  const logits = command('logits', "show the model's scores for the next token")
    .addOption(OPTIONS.model())
    .addOption(OPTIONS.backend())
    .addOption(OPTIONS.threads())
    .addOption(OPTIONS.precision())
    .addOption(OPTIONS.cacheType())
    .option('--text <text>', 'plain text; the beginning-of-sequence id is added')
    .option('--ids-file <file>', 'a JSON array of ids, used as they are')
    .option('--top <n>', 'how many', wholeNumber(1, 1 << 20), 50)
    .option('--all', 'add the negative log-likelihood of each id given those before it')
    .addOption(OPTIONS.json('print one object'))
    .action(async (options) => (await import('./commands/logits.js')).logits(options))

  const vision = command('vision', 'show what the model gets of an image')
    .argument('<file>', 'a PNG, JPEG, WebP, GIF or AVIF')
    .option('--pan-and-scan', 'a long image in crops, too')
    .addOption(OPTIONS.resampler())
    .option('--out <folder>', 'write what the encoder sees as PNGs')
    .addOption(OPTIONS.json('print {width, height, crops, tokens, prompt}'))
    .action(async (file, options) => (await import('./commands/vision.js')).vision(file, options))

  const bench = command('bench', 'measure prefill and decode, beside other engines if asked')
    .addOption(OPTIONS.model())
    .addOption(OPTIONS.backend())
    .addOption(OPTIONS.threads())
    .addOption(OPTIONS.precision())
    .addOption(OPTIONS.simd())
    .addOption(OPTIONS.host())
    .option('--counters', 'count what a token asks of the GPU (--backend webgpu)')
    .option('--per-op', 'time each kernel on the GPU (--backend webgpu)')
    .option('--page', 'serve a page that measures WebGPU in the browser of whoever opens it')
    .option('--bandwidth <n>', "GB a second of the GPU's memory (default: as its copies reach)", realNumber(0.001, 1e6))
    .option('--prompt <n>', 'tokens in the prompt', wholeNumber(2, 1 << 17), 512)
    .option('--generate <n>', 'tokens to generate after the first', wholeNumber(1, 1 << 17), 64)
    .option('--repeat <n>', 'rounds', wholeNumber(1, 1000), 5)
    .option('--timeout <s>', 'seconds until an engine without an answer counts as hung', realNumber(0.1, 86_400))
    .option(
      '--peers <engines>',
      'engines to take turns with: node-llama-cpp, wllama, or g3 otherwise (g3:plain,g3:precise:threads=1)',
      parseEngines,
    )
    .option('--context <list>', 'decode after so many tokens, too: 512,4096,16384', wholeNumbers(2, 1 << 20, 32))
    .option('--batch <list>', 'decode so many sequences together, too: 1,2,4,8', wholeNumbers(1, 256, 32))
    .addOption(OPTIONS.json('print one object'))
    .action(async (options) => (await import('./commands/bench.js')).bench(options))

  const evaluation = evalCommand(command, modelOptions)
  const distill = distillCommand(command, modelOptions)
  const serve = serveCommand(command, modelOptions)

  const g3 = command('g3', 'Gemma 3 in TypeScript').showHelpAfterError('Try `g3 --help`.').version(version())
  for (const sub of [run, chat, pull, models, inspect, estimate, tokenize, schema, logits, vision, bench, evaluation, distill, serve]) g3.addCommand(sub)
  g3.addCommand(start, { hidden: true })
  return g3.configureHelp({ showGlobalOptions: true })
}
