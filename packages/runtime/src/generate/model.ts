import { encodeChat, type ChatMessage, type Tokenizer } from '@g3/tokenizer'
import type { Gemma3Config } from '../config.js'
import type { Gemma3, TextSequence } from '../model/gemma3.js'
import { chatSession, type Chat, type ChatOptions } from './chat.js'
import { engines } from './engines.js'
import { generation, type Generation, type GenerationResult } from './generation.js'
import { parseGenerateOptions, type GenerateOptions, type Prompt } from './options.js'
import { readPrompt, type ReadOptions } from './read-prompt.js'

/** A Gemma 3 model with its tokenizer, ready to write. It does one thing at a time, or as many as it was loaded with sequences. */
export interface Model extends AsyncDisposable {
  /** What the file calls itself. */
  readonly name: string
  readonly config: Gemma3Config
  readonly tokenizer: Tokenizer
  /** Whether it was tuned to answer: prompt it with messages or {@link chat}; a base model continues plain text. */
  readonly instructionTuned: boolean
  /** Tokens that prompt and answer may have together. */
  readonly context: number
  /** Texts that can be generated at a time. */
  readonly sequences: number
  /**
   * Continues a prompt.
   * @throws G3Error at once: `generate/bad-option`, `sampling/bad-option`, `chat/…` for messages that the turn format
   * cannot hold; while running: `generate/prompt-too-long`, `generate/empty-prompt`, `generate/busy`, and the backend's
   */
  generate(prompt: Prompt, options?: GenerateOptions): Generation
  /** Starts a conversation. Several may take turns; an answer reads only what the model does not hold already. */
  chat(options?: ChatOptions): Chat
  /** Turns a prompt into the ids that {@link generate} would read. */
  encode(prompt: Prompt): Int32Array
  /** The logits [vocab] after the last of `ids`. */
  logits(ids: Int32Array, options?: ReadOptions): Promise<Float32Array>
  /** Visits the logits [vocab] after each of `ids`; they are valid during the visit only. */
  scores(ids: Int32Array, visit: (position: number, logits: Float32Array) => void, options?: ReadOptions): Promise<void>
}

export interface ModelParts {
  readonly name: string
  readonly gemma3: Gemma3
  readonly tokenizer: Tokenizer
  readonly instructionTuned: boolean
}

/** Ids that end a text: `<eos>`, and the end of a turn, which instruction-tuned models write instead. */
const endMarks = ({ eos, endOfTurn }: Tokenizer): number[] => (endOfTurn === undefined ? [eos] : [eos, endOfTurn])

const isConversation = (prompt: Exclude<Prompt, string>): prompt is readonly ChatMessage[] =>
  !(prompt instanceof Int32Array)

/** Puts loaded parts together. The model owns `gemma3`. */
export function modelOf({ name, gemma3, tokenizer, instructionTuned }: ModelParts): Model {
  const { config, context } = gemma3
  const sequences = Array.from({ length: gemma3.sequences }, () => gemma3.sequence())
  const pool = engines(sequences.map((sequence) => ({ tokenizer, sequence })))

  const encode = (prompt: Prompt): Int32Array => {
    if (typeof prompt === 'string') return tokenizer.encode(prompt, { bos: true })
    return isConversation(prompt) ? encodeChat(tokenizer, prompt, { addGenerationPrompt: true }) : prompt
  }

  const start = (
    prompt: Prompt,
    options?: GenerateOptions,
    onEnd?: (result: GenerationResult | undefined) => void,
  ): Generation => generation(pool, encode(prompt), parseGenerateOptions(options ?? {}, endMarks(tokenizer)), onEnd)

  /** Runs work that needs a sequence to itself and leaves it empty when it fails. */
  const alone = async <T>(ids: Int32Array, work: (sequence: TextSequence) => Promise<T>): Promise<T> => {
    const { engine, release } = pool.claim(ids)
    try {
      return await work(engine.sequence)
    } catch (error) {
      engine.sequence.reset()
      throw error
    } finally {
      release()
    }
  }

  return {
    name,
    config,
    tokenizer,
    instructionTuned,
    context,
    sequences: gemma3.sequences,
    generate: (prompt, options) => start(prompt, options),
    chat: (options) => chatSession(start, options),
    encode,
    logits: (ids, options = {}) =>
      alone(ids, async (sequence) => {
        await readPrompt(sequence, ids, options)
        return sequence.logits()
      }),
    scores: (ids, visit, { signal } = {}) =>
      alone(ids, async (sequence) => {
        sequence.reset()
        await sequence.scores(ids, visit, signal ? { signal } : {})
      }),
    async [Symbol.asyncDispose]() {
      await gemma3[Symbol.asyncDispose]()
    },
  }
}
