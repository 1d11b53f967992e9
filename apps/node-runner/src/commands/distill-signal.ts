import { basename } from 'node:path'
import { jsonLines, signalFile, teach, type SignalOptions } from '@g3/distill'
import { useAdapters } from '../adapters.js'
import { onInterrupt } from '../interrupt.js'
import { loadForCommand } from '../loading.js'
import type { AdapterFlag, ModelOptions } from '../options.js'
import { print, printJson } from '../output.js'
import { itemProgress } from '../progress.js'
import { decodeUtf8 } from '../stdin.js'
import { readWholeFile, writeWholeFile } from '../whole-file.js'

export interface SignalFlags extends ModelOptions, Pick<SignalOptions, 'samples' | 'top' | 'maxTokens' | 'seed'> {
  readonly data: string
  readonly promptFile?: string
  readonly stop?: readonly string[]
  readonly lora?: readonly AdapterFlag[]
  readonly out: string
  readonly json?: true
}

/** `g3 distill signal`: what a teacher makes of texts, as a file for `g3 distill train`. */
export async function distillSignal(flags: SignalFlags): Promise<void> {
  const { data, promptFile, samples, top, maxTokens, seed, stop = [], out } = flags
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const lines = jsonLines(decodeUtf8(await readWholeFile(data), data), basename(data))
  const prompt = promptFile === undefined ? '' : decodeUtf8(await readWholeFile(promptFile), promptFile)
  await using loaded = await loadForCommand(flags, signal)
  await useAdapters(loaded.model, flags.lora ?? [], signal)
  const examples = await teaching()
  const how = top === undefined ? `${samples ?? 256} samples` : `${top} likeliest`
  const bytes = signalFile(examples, { teacher: loaded.name, how })
  await writeWholeFile(out, bytes)
  const positions = examples.reduce((sum, { wanted }) => sum + wanted.length, 0)
  if (flags.json) await printJson({ out, texts: examples.length, positions, bytes: bytes.byteLength })
  else
    await print(
      `${out}: ${positions} positions of ${examples.length} texts, ${(bytes.byteLength / 1e6).toFixed(1)} MB\n`,
    )

  /** The line of progress is gone before anything is printed. */
  async function teaching() {
    using progress = itemProgress('teaching')
    return teach(loaded.model, lines, {
      prompt,
      stop: stop.map((text) => text.replaceAll('\\n', '\n')),
      signal,
      onProgress: progress.update,
      ...(samples !== undefined && { samples }),
      ...(top !== undefined && { top }),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(seed !== undefined && { seed }),
    })
  }
}
