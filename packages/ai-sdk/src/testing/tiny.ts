import { readFileSync } from 'node:fs'
import { loadModel, type Chunk, type Generation, type GenerateOptions, type Model, type Prompt } from '@g3/runtime'
import { autoBackend } from '@g3/runtime/auto'
import { bytesSource } from '@g3/runtime/gguf'
import { vocabulary } from '@g3/runtime/grammar'
import type { G3Model } from '../constrained.js'

const fixture = (path: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(readFileSync(new URL(`../../../${path}`, import.meta.url)))

/** A tokenizer of Gemma's kind for the tiny model's 512 ids: marks, bytes and letters. */
function tokenizerJson(): string {
  const marks = '<pad> <eos> <bos> <unk> <start_of_turn> <end_of_turn> <start_of_image> <end_of_image>'.split(' ')
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)
  const named = [...marks, ...bytes, '\u2581', ...'abcdefghijklmnopqrstuvwxyz']
  const pieces = [...named, ...Array.from({ length: 512 - named.length }, (_, i) => `<unused${i}>`)]
  const replace = (from: string, content: string) => ({ type: 'Replace', pattern: { String: from }, content })
  return JSON.stringify({
    added_tokens: marks.map((content, id) => ({ id, content, special: true })),
    normalizer: replace(' ', '\u2581'),
    post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<bos>', type_id: 0 } }] },
    decoder: { type: 'Sequence', decoders: [replace('\u2581', ' '), { type: 'ByteFallback' }, { type: 'Fuse' }] },
    model: {
      type: 'BPE',
      byte_fallback: true,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges: [],
    },
  })
}

const folder = 'runtime/fixtures/tiny-random'

/** Opens the files of the tiny random model. */
export async function tinyFiles(name: string) {
  if (name === 'tokenizer.json') return bytesSource(new TextEncoder().encode(tokenizerJson()), name)
  return name === 'config.json' || name === 'model.safetensors'
    ? bytesSource(fixture(`${folder}/${name}`), name)
    : undefined
}

/** The tiny random model, whose answers mean nothing. */
export const tinyModel = (context = 1024): Promise<Model> =>
  loadModel({
    source: tinyFiles,
    mmproj: fixture(`${folder}/tiny-mmproj-f16.gguf`),
    backend: (workload) => autoBackend({ workload, backend: 'cpu', threads: 1, precision: 'exact' }),
    context,
  })

export const imageFile = (): Uint8Array<ArrayBuffer> => fixture('vision/fixtures/pillow/jpeg-444.jpg')

/** Answers with texts that are given, letter by letter, whatever it is asked; keeps what that was. */
export function scripted(
  ...answers: readonly string[]
): G3Model & { readonly asked: (readonly [Prompt, GenerateOptions])[] } {
  const asked: (readonly [Prompt, GenerateOptions])[] = []
  return {
    asked,
    name: 'scripted',
    seesImages: false,
    picture: () => Promise.reject(new Error('it has no eyes')),
    vocabulary: () => vocabulary({ size: 129, bytes: (id) => (id < 128 ? Uint8Array.of(id) : undefined), ends: [128] }),
    generate(prompt: Prompt, options: GenerateOptions = {}) {
      const text = answers[asked.length] ?? ''
      asked.push([prompt, options])
      return generationOf(text, options)
    },
  }
}

function generationOf(text: string, { constraint }: GenerateOptions): Generation {
  const ids = [...text].map((letter) => letter.charCodeAt(0))
  async function* chunks(): AsyncGenerator<Chunk, void, undefined> {
    for (const id of ids) {
      // What a model could not have written is a mistake of the test.
      constraint?.accept(id)
      yield { id, text: String.fromCharCode(id) }
    }
  }
  return {
    [Symbol.asyncIterator]: chunks,
    result: async () => ({
      text,
      ids,
      stopReason: 'stop',
      promptTokens: 7,
      cachedTokens: 3,
      prefillMs: 1,
      decodeMs: 1,
      prefillTokensPerSecond: 1,
      decodeTokensPerSecond: 1,
      seed: 1,
    }),
  }
}
