import { configFromGguf, expectedTensors, type Gemma3Config } from '@g3/runtime'
import { readGguf, tokenizerFields, type ByteSource } from '@g3/runtime/gguf'
import { tokenizerFromGguf, type Tokenizer } from '@g3/tokenizer'

/** What a model file says without its weights being read. */
export interface ModelFacts {
  readonly tokenizer: Tokenizer
  readonly config: Gemma3Config
  /** Of all tensors that the model computes with, as the file stores them. */
  readonly weightBytes: number
}

/** Reads a file's header, and closes it. @throws G3Error `gguf/…`, `tokenizer/…`; the signal's reason */
export async function ggufFacts(source: ByteSource, signal?: AbortSignal): Promise<ModelFacts> {
  try {
    const gguf = await readGguf(source, { signal })
    const config = configFromGguf(gguf)
    let weightBytes = 0
    for (const [name] of expectedTensors(config)) weightBytes += gguf.tensors.get(name)?.byteLength ?? 0
    return { tokenizer: tokenizerFromGguf(tokenizerFields(gguf)), config, weightBytes }
  } finally {
    await source.close?.()
  }
}
