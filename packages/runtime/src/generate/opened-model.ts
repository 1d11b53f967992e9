import type { PackedTensor } from '@g3/backend'
import type { Tokenizer } from '@g3/tokenizer'
import type { Gemma3Config } from '../config.js'
import type { OpenedEncoder } from './opened-encoder.js'

/** A model whose files were opened and checked; the weights are still where they were. */
export interface OpenedModel {
  /** What the files call it. */
  readonly name: string
  readonly config: Gemma3Config
  readonly tokenizer: Tokenizer
  readonly instructionTuned: boolean
  /** What people should know of how these files are loaded, in a sentence. */
  readonly notice?: string
  /** The tensor that GGUF gives this name. @throws G3Error when it cannot be loaded */
  tensor(name: string): PackedTensor
  /** The image encoder that the files hold, too. */
  readonly encoder?: OpenedEncoder
  /** Closes the files. */
  close(): Promise<void>
}
