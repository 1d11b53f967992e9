import { domError } from './errors.js'
import { toolInstructions } from '../tools/form.js'
import type { Tool } from '../tools/tool.js'
import { PARAMS, samplingOf, unsupportedBy, type Sampling } from './settings.js'
import { beginTalk, talkOf, type PromptModel, type Talk, type TalkSettings } from './talk.js'
import type {
  CreateCoreOptions,
  CreateMonitor,
  LanguageModelClass,
  LanguageModelSession,
  PromptInput,
  PromptOptions,
  PromptTool,
  SignalOptions,
} from './types.js'

/** What a session is made of; whoever else calls the constructor has none. */
interface SessionParts {
  readonly settings: TalkSettings
  begin(settings: TalkSettings): Talk
}

/**
 * The web's `LanguageModel` over a model of yours, which may take its place: `globalThis.LanguageModel =
 * languageModel(model)`. Sessions queue their operations, share what they have in the model's caches, and drop their oldest
 * turns, never the system text, where the context is full.
 */
export function languageModel(model: PromptModel): LanguageModelClass {
  const sessions = new WeakSet<SessionParts>()

  class LanguageModel extends EventTarget implements LanguageModelSession {
    oncontextoverflow: LanguageModelSession['oncontextoverflow'] = null
    onquotaoverflow: LanguageModelSession['onquotaoverflow'] = null
    readonly #settings: TalkSettings
    readonly #talk: Talk
    readonly #destroyed = new AbortController()
    #queue: Promise<unknown> = Promise.resolve()

    constructor(parts?: SessionParts) {
      super()
      if (parts === undefined || !sessions.has(parts))
        throw new TypeError('Illegal constructor: use LanguageModel.create()')
      this.#settings = { ...parts.settings, onOverflow: () => this.#overflow() }
      this.#talk = parts.begin(this.#settings)
    }

    static async availability(options: CreateCoreOptions = {}): Promise<'available' | 'unavailable'> {
      samplingOf(options)
      return unsupportedBy(model, options) === undefined ? 'available' : 'unavailable'
    }

    static async params(): Promise<typeof PARAMS> {
      return PARAMS
    }

    static async create(options: Parameters<LanguageModelClass['create']>[0] = {}): Promise<LanguageModelSession> {
      const { signal, monitor, initialPrompts = [], expectedInputs = [] } = options
      signal?.throwIfAborted()
      const sampling: Sampling = samplingOf(options)
      const problem = unsupportedBy(model, options)
      if (problem !== undefined) throw domError('NotSupportedError', problem)
      const tools = (options.tools ?? []).map(toolOf)
      const settings: TalkSettings = {
        model,
        sampling,
        tools,
        allowsImages: expectedInputs.some(({ type }) => type === 'image'),
        onOverflow: () => {},
      }
      if (monitor) tellMonitor(monitor)
      const instructions = tools.length === 0 ? undefined : toolInstructions(tools)
      const begun = await beginTalk(settings, initialPrompts, instructions, signal ?? new AbortController().signal)
      signal?.throwIfAborted()
      const made = LanguageModel.#make(settings, begun)
      signal?.addEventListener('abort', () => made.#end(signal.reason), { once: true })
      return made
    }

    static #make(settings: TalkSettings, { state }: Talk): LanguageModel {
      const parts: SessionParts = { settings, begin: (own) => talkOf(own, state) }
      sessions.add(parts)
      return new LanguageModel(parts)
    }

    prompt(input: PromptInput, options: PromptOptions = {}): Promise<string> {
      return this.#inTurn(options.signal, (signal) => this.#talk.answer(input, options, signal, () => {}))
    }

    promptStreaming(input: PromptInput, options: PromptOptions = {}): ReadableStream<string> {
      const left = new AbortController()
      const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal
      return new ReadableStream<string>({
        start: (controller) => {
          this.#inTurn(signal, (both) =>
            this.#talk.answer(input, options, both, (text) => controller.enqueue(text)),
          ).then(
            () => controller.close(),
            (error: unknown) => {
              if (!left.signal.aborted) controller.error(error)
            },
          )
        },
        cancel: () => left.abort(),
      })
    }

    append(input: PromptInput, { signal }: SignalOptions = {}): Promise<undefined> {
      return this.#inTurn(signal, (both) => this.#talk.append(input, both).then(() => undefined))
    }

    async measureContextUsage(input: PromptInput, options: PromptOptions = {}): Promise<number> {
      this.#checkAlive()
      options.signal?.throwIfAborted()
      return this.#talk.measure(input, options, this.#both(options.signal))
    }

    measureInputUsage(input: PromptInput, options: PromptOptions = {}): Promise<number> {
      return this.measureContextUsage(input, options)
    }

    get contextUsage(): number {
      return this.#talk.usage
    }

    get inputUsage(): number {
      return this.#talk.usage
    }

    get contextWindow(): number {
      return model.context
    }

    get inputQuota(): number {
      return model.context
    }

    get topK(): number {
      return this.#settings.sampling.topK
    }

    get temperature(): number {
      return this.#settings.sampling.temperature
    }

    async clone({ signal }: SignalOptions = {}): Promise<LanguageModelSession> {
      return this.#inTurn(signal, async () => {
        const made = LanguageModel.#make(this.#settings, this.#talk)
        signal?.addEventListener('abort', () => made.#end(signal.reason), { once: true })
        return made
      })
    }

    destroy(): undefined {
      this.#end(domError('AbortError', 'the session was destroyed'))
    }

    #end(reason: unknown): void {
      this.#destroyed.abort(reason)
    }

    #checkAlive(): void {
      if (this.#destroyed.signal.aborted)
        throw domError('InvalidStateError', 'the session was destroyed: create another one')
    }

    #both(signal: AbortSignal | undefined): AbortSignal {
      return signal ? AbortSignal.any([signal, this.#destroyed.signal]) : this.#destroyed.signal
    }

    /** One operation after the other; one that waits and is aborted does not wait on. */
    async #inTurn<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
      this.#checkAlive()
      signal?.throwIfAborted()
      const both = this.#both(signal)
      const result = this.#queue.then(() => {
        both.throwIfAborted()
        return work(both)
      })
      this.#queue = result.catch(() => {})
      return unlessAborted(result, both)
    }

    #overflow(): void {
      for (const [name, listener] of [
        ['contextoverflow', this.oncontextoverflow],
        ['quotaoverflow', this.onquotaoverflow],
      ] as const) {
        const event = new Event(name)
        listener?.call(this, event)
        this.dispatchEvent(event)
      }
    }
  }
  return LanguageModel
}

function toolOf({ name, description, inputSchema, execute }: PromptTool): Tool {
  if (typeof execute !== 'function') throw new TypeError(`the tool ${name} has no execute`)
  return { name, description, parameters: inputSchema, run: (args) => execute(args) }
}

/** What a promise comes to, or the signal's reason as soon as there is one. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const stop = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', stop)
  try {
    signal.throwIfAborted()
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** The model is here: its download is over at once. */
function tellMonitor(monitor: (monitor: CreateMonitor) => void): void {
  const target: CreateMonitor = Object.assign(new EventTarget(), { ondownloadprogress: null })
  monitor(target)
  for (const loaded of [0, 1]) {
    const event = Object.assign(new Event('downloadprogress'), { loaded, total: 1 })
    target.ondownloadprogress?.(event)
    target.dispatchEvent(event)
  }
}
