import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals'
import { G3Error } from '@g3/backend'
import type { Picture } from '@g3/runtime'
import type { WorkerModel } from '@g3/runtime/worker'
import { failureOf, isFull, type Failure } from '../app/failure.js'
import type { Engine } from '../engine/engine.js'
import { caches } from './caches.js'
import {
  newConversation,
  newId,
  pathTo,
  showing,
  turnOf,
  withChange,
  withTurn,
  type Conversation,
  type Turn,
} from './conversation.js'
import type { Library } from './library.js'
import { generateOptions, promptFor } from './prompt.js'

/** What is going on with an answer. */
export interface Writing {
  readonly turn: string
  /** Encoding images, reading the prompt, or writing. */
  readonly phase: 'encode' | 'read' | 'write'
  /** Of images or prompt, from 0 to 1. */
  readonly share: number
}

/** The conversation that is shown, and its answers in the making. */
export interface Talk {
  readonly conversation: ReadonlySignal<Conversation>
  readonly path: ReadonlySignal<readonly Turn[]>
  readonly writing: ReadonlySignal<Writing | undefined>
  readonly failure: Signal<Failure | undefined>
  readonly notice: Signal<string | undefined>
  /** Shows another one, or a new one. An answer in the making is stopped and kept. */
  open(id?: string): Promise<void>
  /** Adds a turn of the visitor's and answers it. */
  send(text: string, images?: readonly Blob[]): Promise<void>
  /** Says a turn in other words: a branch beside it. */
  edit(turn: string, text: string): Promise<void>
  /** Answers once more: a branch beside the answer. */
  regenerate(turn: string): Promise<void>
  /** Goes on with an answer that was interrupted or cut. */
  goOn(turn: string): Promise<void>
  stop(): void
  /** Shows the branch of a turn. */
  show(turn: string): void
  set(change: Partial<Pick<Conversation, 'form' | 'system' | 'drawing'>>): void
  image(name: string): Promise<Blob | undefined>
  remove(id: string): Promise<void>
}

/** Text reaches the page about as often as it is drawn, and the disk about as often as it could be missed. */
const SHOW_MS = 32
const SAVE_MS = 1000

export function talk(engine: Engine, library: Library): Talk {
  const conversation = signal(newConversation())
  const writing = signal<Writing | undefined>(undefined)
  const failure = signal<Failure | undefined>(undefined)
  const notice = signal<string | undefined>(undefined)
  const stored = caches(library, (text) => (notice.value = text))
  const images = new Map<string, Blob>()
  const seen = new WeakMap<WorkerModel, Map<string, Promise<Picture>>>()
  let stop = new AbortController()
  let latest = {}
  let running: Promise<void> = Promise.resolve()
  let saving: Promise<void> = Promise.resolve()

  /** Writes take turns, so that the latest is the last. */
  const save = (kept = conversation.peek()): Promise<void> =>
    (saving = saving.then(async () => {
      try {
        await library.write(kept)
      } catch (error) {
        notice.value = isFull(error)
          ? 'The storage is full: this conversation lasts until the page is closed. Delete a model or a conversation to keep it.'
          : `This conversation cannot be kept on the device (${failureOf(error).message}): it lasts until the page is closed.`
      }
    }))

  const image = async (name: string): Promise<Blob | undefined> => {
    const blob = images.get(name) ?? (await library.image(conversation.peek().id, name))
    if (blob) images.set(name, blob)
    return blob
  }

  const pictureOf =
    (model: WorkerModel) =>
    (name: string): Promise<Picture> => {
      const pictures = seen.get(model) ?? new Map<string, Promise<Picture>>()
      seen.set(model, pictures)
      const make = async (): Promise<Picture> => {
        const blob = await image(name)
        if (!blob) throw new G3Error('chat/no-image', 'an image of this conversation is gone: edit the turn without it')
        return model.picture(blob)
      }
      const picture = pictures.get(name) ?? make()
      pictures.set(name, picture)
      picture.catch(() => pictures.delete(name))
      return picture
    }

  /** Writes an answer, which is a turn already, and tells how it went in the turn. */
  const write = async (id: string, signal: AbortSignal): Promise<void> => {
    const ready = engine.state.peek()
    if (ready.kind !== 'ready') throw new G3Error('chat/no-model', 'no model is loaded: choose one first')
    const { model, choice } = ready
    await stored.settle()
    const begun = conversation.peek()
    const answer = turnOf(begun, id)
    if (answer === undefined) return
    await stored.restore(begun.id, choice.id, model)
    const prompt = await promptFor(model, begun, answer, pictureOf(model))
    const phase = (phase: Writing['phase'], share = 0): void => {
      writing.value = { turn: id, phase, share }
    }
    const run = model.generate(prompt, {
      ...generateOptions(begun, choice.id),
      signal,
      onPrefill: (done, total) => phase('read', done / total),
      onEncode: (done, total) => phase('encode', done / total),
      onOverflow: ({ dropped }) => {
        notice.value = `The context is full: the model no longer sees ${dropped} of its older tokens.`
      },
    })
    let text = answer.text
    let [shown, saved] = [0, performance.now()]
    const show = (): void => {
      conversation.value = withChange(conversation.peek(), id, { text })
    }
    try {
      for await (const chunk of run) {
        if (writing.peek()?.phase !== 'write') phase('write')
        text += chunk.text
        const now = performance.now()
        if (now - shown >= SHOW_MS) {
          shown = now
          show()
        }
        if (now - saved >= SAVE_MS) {
          saved = now
          void save()
        }
      }
    } finally {
      show()
    }
    const result = await run.result()
    const facts = {
      model: choice.title,
      tokens: result.ids.length,
      promptTokens: result.promptTokens,
      cachedTokens: result.cachedTokens,
      firstMs: result.prefillMs,
      tokensPerSecond: result.decodeTokensPerSecond,
      stop: result.stopReason,
    }
    conversation.value = withChange(conversation.peek(), id, { text, facts, state: 'done' })
    stored.keep(begun.id, choice.id, model)
  }

  /** Runs one answer at a time, in one tab at a time. */
  const begin = (id: string): Promise<void> => {
    stop.abort()
    const { signal } = (stop = new AbortController())
    const before = running
    running = (async () => {
      await before
      if (signal.aborted) return
      failure.value = undefined
      writing.value = { turn: id, phase: 'read', share: 0 }
      const name = `g3 conversation ${conversation.peek().id}`
      try {
        await save()
        await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
          if (lock === null) throw new G3Error('chat/elsewhere', 'this conversation is being answered in another tab')
          await write(id, signal)
        })
      } catch (error) {
        if (!signal.aborted) failure.value = failureOf(error)
        conversation.value = withChange(conversation.peek(), id, { state: 'done' })
      } finally {
        writing.value = undefined
        await save()
      }
    })()
    return running
  }

  const answerTo = (parent: string): Promise<void> => {
    const empty = { role: 'assistant', text: '', images: [], state: 'writing' } as const
    const next = withTurn(conversation.peek(), parent, empty)
    conversation.value = next
    return begin(next.leaf)
  }

  const say = (parent: string | undefined, text: string, names: readonly string[]): Promise<void> => {
    const next = withTurn(conversation.peek(), parent, { role: 'user', text, images: names, state: 'done' })
    conversation.value = next
    return answerTo(next.leaf)
  }

  const quiet = async (): Promise<void> => {
    stop.abort()
    await running
    await saving
  }

  const show = (next: Conversation): void => {
    images.clear()
    failure.value = undefined
    notice.value = undefined
    conversation.value = next
  }

  /** What an untouched conversation is to be: base models go on with texts. */
  const fresh = (): Conversation => {
    const model = engine.model.peek()
    return { ...newConversation(), ...(model && { form: model.instructionTuned ? 'chat' : 'text' }) }
  }
  engine.model.subscribe((model) => {
    if (model && conversation.peek().turns.length === 0)
      conversation.value = { ...conversation.peek(), form: fresh().form }
  })

  library.onElsewhere((id) => {
    if (id !== conversation.peek().id || writing.peek()) return
    void library.read(id).then(
      (found) => {
        if (id === conversation.peek().id && !writing.peek()) conversation.value = found ?? fresh()
      },
      () => {},
    )
  })

  return {
    conversation,
    path: computed(() => pathTo(conversation.value)),
    writing,
    failure,
    notice,
    async open(id) {
      // Who asks for two wants the second.
      const asked = (latest = {})
      await quiet()
      try {
        const found = id === undefined ? undefined : await library.read(id)
        if (asked === latest) show(found ?? fresh())
      } catch (error) {
        if (asked !== latest) return
        show(fresh())
        failure.value = failureOf(error)
      }
    },
    async send(text, blobs = []) {
      const names: string[] = []
      for (const blob of blobs) {
        const name = `image-${newId()}`
        names.push(name)
        images.set(name, blob)
        await library.writeImage(conversation.peek().id, name, blob).catch((error: unknown) => {
          notice.value = `The image lasts until the page is closed: ${failureOf(error).message}`
        })
      }
      await say(conversation.peek().leaf, text, names)
    },
    async edit(id, text) {
      const turn = turnOf(conversation.peek(), id)
      if (turn) await say(turn.parent, text, turn.images)
    },
    async regenerate(id) {
      const parent = turnOf(conversation.peek(), id)?.parent
      if (parent !== undefined) await answerTo(parent)
    },
    async goOn(id) {
      conversation.value = withChange(conversation.peek(), id, { state: 'writing' })
      await begin(id)
    },
    stop: () => stop.abort(),
    show(id) {
      if (writing.peek()) return
      conversation.value = showing(conversation.peek(), id)
      void save()
    },
    set(change) {
      conversation.value = { ...conversation.peek(), ...change }
      if (conversation.peek().turns.length > 0) void save()
    },
    image,
    async remove(id) {
      if (id === conversation.peek().id) {
        await quiet()
        await stored.settle()
        show(fresh())
      }
      await library.remove(id)
    },
  }
}
