import { Command, InvalidArgumentError, Option } from 'commander'
import { byteCount, realNumber, wholeNumber } from '../options.js'
import { addConfig, addWithVariables } from './config.js'

/** Origins of pages, with commas or spaces between them where they come in one text. */
function origins(text: string, before: readonly string[] = []): readonly string[] {
  const given = text.split(/[\s,]+/).filter((part) => part !== '')
  for (const origin of given)
    if (origin !== '*' && URL.parse(origin)?.origin !== origin)
      throw new InvalidArgumentError('It must be an origin such as https://example.com, or *.')
  return [...before, ...given]
}

/** Names of hosts, as {@link origins}. */
function hosts(text: string, before: readonly string[] = []): readonly string[] {
  const given = text.split(/[\s,]+/).filter((part) => part !== '')
  for (const host of given)
    if (!/^(?=.{1,253}$)[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*$/i.test(host))
      throw new InvalidArgumentError('It must be the name of a host such as images.example.com.')
  return [...before, ...given.map((host) => host.toLowerCase())]
}

/**
 * `g3 serve`.
 * @param command makes a command
 * @param modelOptions adds the options of a model
 */
export function serveCommand(
  command: (name: string, description: string) => Command,
  modelOptions: (into: Command) => Command,
): Command {
  const { options } = modelOptions(new Command())
    .option(
      '--config <file>',
      'take what neither flags nor variables say from this JSON: {"slots": 8, "maxBody": "8MiB"}',
    )
    .option('--listen <host>', 'where to listen', '127.0.0.1')
    .option('--port <n>', 'on which port, 0 for any', wholeNumber(0, 65_535), 8080)
    .option('--open', 'show its page in a browser')
    .option('--slots <n>', 'texts at a time', wholeNumber(1, 256), 16)
    .option(
      '--queue <n>',
      'requests that may wait for a slot; those after them get a 429',
      wholeNumber(0, 100_000),
      256,
    )
    .option(
      '--timeout <s>',
      'seconds that an answer may take, the wait for a slot included',
      realNumber(0.1, 86_400),
      600,
    )
    .option('--max-body <size>', 'largest request', byteCount, 32 << 20)
    .option('--api-keys <file>', 'ask for one of the keys in this file, one a line; read again when it changes')
    .option('--data <folder>', 'keep files and batches in this folder, which no other server may use')
    .option(
      '--batch-queue <url>',
      'keep them in Valkey or Redis instead, for any number of servers: redis://HOST:6379 (needs the packages bullmq and ioredis)',
    )
    .option(
      '--batch-slots <n>',
      'lines of batches answered at a time, 0 for none; half of the slots',
      wholeNumber(0, 256),
    )
    .option('--max-file <size>', 'largest file', byteCount, 64 << 20)
    .option('--max-files <size>', 'most that uploaded files may have together', byteCount, 512 << 20)
    .addOption(
      new Option(
        '--image-host <name...>',
        'hosts from which images at https addresses are fetched; none else',
      ).argParser(hosts),
    )
    .addOption(new Option('--cors <origin...>', 'web origins whose pages may call').argParser(origins))
    .addOption(
      new Option('--log <level>', 'lines of JSON on stderr, without prompts')
        .choices(['silent', 'error', 'info'])
        .default('info'),
    )

  const serve = command('serve', "answer OpenAI's protocol over HTTP; its page / shows what goes on")
    .addHelpText('after', '\nFlags come before variables, these before the file of --config, that before defaults.')
    .action(async (_, self: Command) => {
      const { config } = self.opts()
      if (config !== undefined) await addConfig(self, config)
      await (await import('../commands/serve.js')).serve(self.opts())
    })
  return addWithVariables(serve, options, 'G3_SERVE')
}
