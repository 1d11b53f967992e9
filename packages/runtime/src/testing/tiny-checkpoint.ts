import { bytesSource, type ByteSource } from '../gguf/index.js'
import type { CheckpointFiles } from '../safetensors/index.js'
import { fixtureBytes } from './fixtures.js'

/** Files in memory, which tell how many are open. */
export interface MemoryFolder {
  readonly files: CheckpointFiles
  readonly asked: string[]
  open: number
}

export function memoryFolder(content: Readonly<Record<string, Uint8Array | string>>): MemoryFolder {
  const folder: MemoryFolder = {
    asked: [],
    open: 0,
    async files(name): Promise<ByteSource | undefined> {
      folder.asked.push(name)
      const bytes = content[name]
      if (bytes === undefined) return undefined
      folder.open++
      const close = async (): Promise<void> => void folder.open--
      return { ...bytesSource(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes, name), close }
    },
  }
  return folder
}

/** The tiny random model's files as transformers 5 saved them. */
export const tinyFiles = () => ({
  'config.json': fixtureBytes('tiny-random/config.json'),
  'model.safetensors': fixtureBytes('tiny-random/model.safetensors'),
})

/**
 * A tokenizer of Gemma's kind for a vocabulary of 512: marks, bytes, letters, and pieces that no text reaches.
 * @param more marks
 */
export function tinyTokenizerJson(more: readonly string[] = []): string {
  const marks = ['<pad>', '<eos>', '<bos>', '<unk>', '<start_of_turn>', '<end_of_turn>', ...more]
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)
  const letters = ['\u2581', ...'abcdefghijklmnopqrstuvwxyz']
  const named = [...marks, ...bytes, ...letters]
  const pieces = [...named, ...Array.from({ length: 512 - named.length }, (_, i) => `<unused${i}>`)]
  return JSON.stringify({
    added_tokens: marks.map((content, id) => ({ id, content, special: true })),
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' },
    post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<bos>', type_id: 0 } }] },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
      ],
    },
    model: {
      type: 'BPE',
      byte_fallback: true,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges: [],
    },
  })
}
