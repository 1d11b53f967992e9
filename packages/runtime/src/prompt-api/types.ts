/** The shapes of the web's Prompt API (https://webmachinelearning.github.io/prompt-api/), as far as they are used here. */
export type Availability = 'unavailable' | 'downloadable' | 'downloading' | 'available'

export type PromptRole = 'system' | 'user' | 'assistant'

export interface PromptContent {
  readonly type: 'text' | 'image' | 'audio'
  /** A text; an image as a Blob, the bytes of a file, pixels, or anything that a canvas can draw. */
  readonly value: unknown
}

export interface PromptMessage {
  readonly role: PromptRole
  readonly content: string | readonly PromptContent[]
  /** Of a last message of the assistant: what the answer begins with. */
  readonly prefix?: boolean
}

export type PromptInput = string | readonly PromptMessage[]

export interface PromptExpected {
  readonly type: 'text' | 'image' | 'audio'
  readonly languages?: readonly string[]
}

export interface PromptTool {
  readonly name: string
  readonly description: string
  readonly inputSchema: object
  execute(input: unknown): Promise<string>
}

/** How freely words are chosen, for who gives neither `topK` nor `temperature`. */
export type SamplingMode = 'most-predictable' | 'predictable' | 'balanced' | 'creative' | 'most-creative'

export interface CreateCoreOptions {
  readonly topK?: number
  readonly temperature?: number
  readonly samplingMode?: SamplingMode
  readonly expectedInputs?: readonly PromptExpected[]
  readonly expectedOutputs?: readonly PromptExpected[]
  readonly tools?: readonly PromptTool[]
}

/** Tells of a download; here all is there already. */
export interface CreateMonitor extends EventTarget {
  ondownloadprogress: ((event: Event & { readonly loaded: number; readonly total: number }) => unknown) | null
}

export interface CreateOptions extends CreateCoreOptions {
  readonly signal?: AbortSignal
  monitor?(monitor: CreateMonitor): void
  readonly initialPrompts?: readonly PromptMessage[]
}

export interface PromptOptions {
  /** A JSON Schema, or a regular expression without flags, that the answer is held to. */
  readonly responseConstraint?: object
  /** Leaves the schema out of the prompt. */
  readonly omitResponseConstraintInput?: boolean
  readonly signal?: AbortSignal
}

export interface SignalOptions {
  readonly signal?: AbortSignal
}

/** A session. Methods reject with a `DOMException` by the specification's names, and with a TypeError for wrong arguments. */
export interface LanguageModelSession extends EventTarget {
  prompt(input: PromptInput, options?: PromptOptions): Promise<string>
  promptStreaming(input: PromptInput, options?: PromptOptions): ReadableStream<string>
  /** Adds messages without an answer; the model reads them in advance. */
  append(input: PromptInput, options?: SignalOptions): Promise<undefined>
  /** Tokens that an input would take. */
  measureContextUsage(input: PromptInput, options?: PromptOptions): Promise<number>
  measureInputUsage(input: PromptInput, options?: PromptOptions): Promise<number>
  readonly contextUsage: number
  readonly inputUsage: number
  readonly contextWindow: number
  readonly inputQuota: number
  readonly topK: number
  readonly temperature: number
  /** Told when the oldest turns were dropped to make room. */
  oncontextoverflow: ((event: Event) => unknown) | null
  onquotaoverflow: ((event: Event) => unknown) | null
  clone(options?: SignalOptions): Promise<LanguageModelSession>
  destroy(): undefined
}

export interface LanguageModelParams {
  readonly defaultTopK: number
  readonly maxTopK: number
  readonly defaultTemperature: number
  readonly maxTemperature: number
}

/** What stands in the place of the global `LanguageModel`. */
export interface LanguageModelClass {
  /** Throws, as on the web: sessions come from {@link create}. */
  new (): LanguageModelSession
  readonly prototype: LanguageModelSession
  create(options?: CreateOptions): Promise<LanguageModelSession>
  availability(options?: CreateCoreOptions): Promise<Availability>
  params(): Promise<LanguageModelParams>
}
