import { tokenizerFromGguf } from '@g3/tokenizer'
import { configFromGguf } from '../config.js'
import { readGguf, repackedTypes, tensorNamed, tokenizerFields, type ByteSource, type Gguf } from '../gguf/index.js'
import type { OpenedModel } from './opened-model.js'

/** Marks of instruction tuning in a model's names: `gemma-3-1b-it`, `Gemma 3 270m It`. */
const TUNED_NAME = /(?:^|[^a-z0-9])it(?:[^a-z0-9]|$)/i

/** A file that brings a turn template, or is named as tuned, is meant to be talked to. */
export function isInstructionTuned({ metadata, source }: Pick<Gguf, 'metadata' | 'source'>): boolean {
  if (metadata.has('tokenizer.chat_template')) return true
  const names = [
    source.name,
    ...['general.name', 'general.basename', 'general.finetune'].map((key) => metadata.get(key)),
  ]
  return names.some((name) => typeof name === 'string' && TUNED_NAME.test(name))
}

function nameOf({ metadata, source }: Gguf): string {
  const name = metadata.get('general.name')
  return typeof name === 'string' && name !== '' ? name : source.name
}

function noticeOf(gguf: Gguf): { notice?: string } {
  const types = repackedTypes(gguf)
  if (types.length === 0) return {}
  return { notice: `${gguf.source.name}: weights of type ${types.join(', ')} are repacked to 8 bits while they load` }
}

/** The model in a GGUF file. Takes the source over. @throws G3Error `gguf/…`, `tokenizer/…` */
export async function openGgufModel(source: ByteSource, signal: AbortSignal | undefined): Promise<OpenedModel> {
  const close = async (): Promise<void> => source.close?.()
  try {
    const gguf = await readGguf(source, { signal })
    return {
      name: nameOf(gguf),
      config: configFromGguf(gguf),
      tokenizer: tokenizerFromGguf(tokenizerFields(gguf)),
      instructionTuned: isInstructionTuned(gguf),
      ...noticeOf(gguf),
      tensor: (name) => tensorNamed(gguf, name),
      close,
    }
  } catch (cause) {
    await close()
    throw cause
  }
}
