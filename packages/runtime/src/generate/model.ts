import { check } from '@g3/backend'
import { encodeChat, type ChatMessage, type Tokenizer } from '@g3/tokenizer'
import type { Gemma3Config } from '../config.js'
import type { RgbImage } from '@g3/vision'
import { tokenizerVocabulary, type Vocabulary } from '../grammar/mask/vocabulary.js'
import type { Gemma3, TextSequence } from '../model/gemma3.js'
import { session, type Chat, type ChatOptions } from '../session/session.js'
import { modelAdapters, type ModelAdapters } from './adapters.js'
import { engines } from './engines.js'
import { generation, type Generation } from './generation.js'
import { joined } from './ids.js'
import { pictures, type Picture, type PictureOptions } from './pictures.js'
import { parseGenerateOptions, type GenerateOptions, type Prompt } from './options.js'
import { readPrompt, type ReadOptions } from './read-prompt.js'
import { together } from './together.js'
import { isLost } from './token-source.js'

/** A Gemma 3 model with its tokenizer, ready to write. It does one thing at a time, or as many as it was loaded with sequences. */
export interface Model extends AsyncDisposable {
  /** What the file calls itself. */
  readonly name: string
  readonly config: Gemma3Config
  readonly tokenizer: Tokenizer
  /** The tokens for `constraints` of `@g3/runtime/grammar`; indexed when it is first asked for. */
  vocabulary(): Vocabulary
  /** Whether it was tuned to answer: prompt it with messages or {@link chat}; a base model continues plain text. */
  readonly instructionTuned: boolean
  /** Whether it was loaded with an image encoder. */
  readonly seesImages: boolean
  /**
   * Prepares an image for messages: `{ type: 'image', image: await model.picture(file) }` among a message's parts. It is
   * encoded when a prompt with it is read, and once however often that is.
   * @throws G3Error `generate/no-eyes`, `vision/…` for what is wrong with the file; the signal's reason
   */
  picture(source: Uint8Array | Blob | RgbImage, options?: PictureOptions): Promise<Picture>
  /** LoRA adapters. */
  readonly adapters: ModelAdapters
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
  /**
   * Turns a prompt into the ids that {@link generate} would read.
   * @param after ids of a text that the prompt goes on from: text follows it as it is, messages as its next turns
   */
  encode(prompt: Prompt, after?: Int32Array): Int32Array
  /**
   * The text that was generated last, prompt and answer, with its caches: for a file, or any other store of bytes. It
   * takes the place of a generation until its last byte.
   * @param ids of another text; what the model does not hold of it is read first
   * @throws G3Error `generate/nothing-to-save`, `generate/busy`, `model/context-full` where its last token has no room
   */
  save(ids?: Int32Array): AsyncIterable<Uint8Array>
  /**
   * Takes up a text that was saved. A prompt that begins with its ids continues it without reading them again.
   * @returns its ids
   * @throws G3Error as {@link TextSequence.restore}; `generate/busy`
   */
  restore(bytes: AsyncIterable<Uint8Array>): Promise<Int32Array>
  /** The logits [vocab] after the last of `ids`. */
  logits(ids: Int32Array, options?: ReadOptions): Promise<Float32Array>
  /** Visits the logits [vocab] after each of `ids`; they are valid during the visit only. */
  scores(ids: Int32Array, visit: (position: number, logits: Float32Array) => void, options?: ScoreOptions): Promise<void>
}

export interface ScoreOptions extends ReadOptions {
  /**
   * The first position that is visited. What the model holds of the ids before is not read again, so a text can be visited
   * in parts, and texts that begin alike cost their ends only. Default 0: all is read and visited.
   */
  readonly from?: number
}

export interface ModelParts {
  readonly name: string
  readonly gemma3: Gemma3
  readonly tokenizer: Tokenizer
  readonly instructionTuned: boolean
  /** Whether files stay open, because a backend that loses its hardware reads them again. */
  readonly filesStayOpen?: boolean
  /** Closes what the model alone uses while it lives: its files, a backend that was opened for it. */
  close?(): Promise<void>
}

/** Ids that end a text: `<eos>`, and the end of a turn, which instruction-tuned models write instead. */
const endMarks = ({ eos, endOfTurn }: Tokenizer): number[] => (endOfTurn === undefined ? [eos] : [eos, endOfTurn])

const NO_IDS = new Int32Array(0)

/** What a conversation has between an answer and the next turn. */
const endOfAnswer = (tokenizer: Tokenizer): Int32Array =>
  joined(Int32Array.of(tokenizer.endOfTurn ?? tokenizer.eos), tokenizer.encode('\n'))

const isConversation = (prompt: Exclude<Prompt, string>): prompt is readonly ChatMessage[] =>
  !(prompt instanceof Int32Array)

/** Puts loaded parts together. The model owns `gemma3`. */
export function modelOf({
  name,
  gemma3,
  tokenizer,
  instructionTuned,
  filesStayOpen = false,
  close,
}: ModelParts): Model {
  const { config, context } = gemma3
  const share = gemma3.sequences > 1 ? together(gemma3) : (sequence: TextSequence): TextSequence => sequence
  const sequences = Array.from({ length: gemma3.sequences }, () => share(gemma3.sequence()))
  const pool = engines(sequences.map((sequence) => ({ tokenizer, sequence, recover: gemma3.recover })))

  const { picture, imageContent } = pictures(gemma3.images)

  const encode = (prompt: Prompt, after = NO_IDS): Int32Array => {
    const isFirst = after.length === 0
    if (typeof prompt === 'string') return joined(after, tokenizer.encode(prompt, { bos: isFirst }))
    if (!isConversation(prompt)) return joined(after, prompt)
    const turns = encodeChat(tokenizer, prompt, { addGenerationPrompt: true, imageContent })
    return isFirst ? turns : joined(after, endOfAnswer(tokenizer), turns.subarray(1))
  }

  const utf8 = new TextDecoder()
  const textOf = (id: number): string => (id < tokenizer.size ? utf8.decode(tokenizer.bytes(id)) : '')

  /** The text that was generated last, prompt and answer. */
  let latest: Int32Array = NO_IDS

  const generate = (prompt: Prompt, options: GenerateOptions = {}): Generation => {
    const ids = encode(prompt)
    const plan = parseGenerateOptions(options, endMarks(tokenizer), textOf)
    return generation(pool, ids, plan, (result) => {
      if (result) latest = joined(ids, Int32Array.from(result.ids))
    })
  }

  async function* save(ids = latest): AsyncGenerator<Uint8Array, void, undefined> {
    check(ids.length > 0, 'generate/nothing-to-save', 'no text was generated yet')
    const { engine, release } = pool.claim(ids)
    try {
      // Mostly all but the last id are held, which nothing followed; more is read where the sequence went on to other texts.
      const { sequence } = engine
      const { reused } = sequence.reuse(ids)
      await sequence.append(ids.subarray(reused))
      yield* sequence.save()
    } finally {
      release()
    }
  }

  /** Runs work that needs a sequence to itself and leaves it empty when it fails. */
  const alone = async <T>(ids: Int32Array, work: (sequence: TextSequence) => Promise<T>): Promise<T> => {
    const { engine, release } = pool.claim(ids)
    try {
      return await work(engine.sequence)
    } catch (error) {
      if (isLost(error)) await gemma3.recover()
      engine.sequence.reset()
      throw error
    } finally {
      release()
    }
  }

  let vocabulary: Vocabulary | undefined

  const model: Model = {
    name,
    config,
    tokenizer,
    vocabulary: () => (vocabulary ??= tokenizerVocabulary(tokenizer)),
    instructionTuned,
    seesImages: gemma3.images !== undefined,
    picture,
    adapters: modelAdapters(gemma3.adapters, filesStayOpen, () => pool.isIdle),
    context,
    sequences: gemma3.sequences,
    generate,
    chat: (options) => session(model, options),
    encode,
    save,
    restore: (bytes) =>
      alone(NO_IDS, async (sequence) => {
        await sequence.restore(bytes)
        return sequence.ids
      }),
    logits: (ids, options = {}) =>
      alone(ids, async (sequence) => {
        await readPrompt(sequence, ids, options)
        return sequence.logits()
      }),
    scores: (ids, visit, { signal, from = 0 } = {}) =>
      alone(ids, async (sequence) => {
        const isPlace = Number.isSafeInteger(from) && from >= 0 && from < ids.length
        check(isPlace, 'generate/bad-option', () => `from is ${from}; it must be a place among the ${ids.length} ids`)
        if (from > 0) await readPrompt(sequence, ids.subarray(0, from), { signal })
        else sequence.reset()
        await sequence.scores(ids.subarray(from), visit, signal ? { signal } : {})
      }),
    async [Symbol.asyncDispose]() {
      await gemma3[Symbol.asyncDispose]()
      await close?.()
    },
  }
  return model
}
