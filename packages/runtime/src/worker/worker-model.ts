import { check } from '@g3/backend'
import type { RgbImage } from '@g3/vision'
import type { ChatOptions } from '../session/session.js'
import { validated, type ObjectOptions, type ObjectResult } from '../generate/generate-object.js'
import type { Generation } from '../generate/generation.js'
import type { Prompt } from '../generate/options.js'
import type { Picture, PictureOptions } from '../generate/pictures.js'
import type { ReadOptions } from '../generate/read-prompt.js'
import type { HostCalls, ModelFacts } from './calls.js'
import { plainSchema } from './constraint-text.js'
import type { PageFiles } from './page-files.js'
import type { Peer } from './peer.js'
import { remoteChats, type WorkerChat } from './remote-chat.js'
import { AHEAD, remoteGeneration } from './remote-generation.js'
import { split, teller, type WorkerGenerateOptions } from './wire-options.js'
import { ownPictures } from './wire-prompt.js'

export interface WorkerPictureOptions extends PictureOptions {
  /** Hands the bytes over instead of copying them: they are gone here afterwards. A Blob's are never copied. Default false. */
  readonly transfer?: boolean
}

/**
 * A model in a worker. As `Model`, but that what asks the model takes a promise, and that what crosses is text: there is no
 * tokenizer here, and constraints are what they are compiled from.
 */
export interface WorkerModel extends ModelFacts, AsyncDisposable {
  /**
   * Continues a prompt. The worker is at most 8 tokens ahead of who reads them.
   * @throws G3Error at once: `generate/bad-option`, `sampling/bad-option`; while running: as `Model.generate`, `grammar/…`,
   * `worker/ended`
   */
  generate(prompt: Prompt, options?: WorkerGenerateOptions): Generation
  /** Answers with a value of a schema. @throws G3Error as `generateObject` */
  generateObject<T = unknown>(prompt: Prompt, options: ObjectOptions<T>): Promise<ObjectResult<T>>
  /** As `Model.chat`. */
  chat(options?: ChatOptions): WorkerChat
  /** As `Model.picture`. */
  picture(source: Uint8Array | Blob | RgbImage, options?: WorkerPictureOptions): Promise<Picture>
  /** The ids that {@link generate} would read. */
  encode(prompt: Prompt, after?: Int32Array): Promise<Int32Array>
  /** Ids to text. */
  decode(ids: ArrayLike<number>): Promise<string>
  /** As `Model.save`: the worker is at most 2 parts ahead. */
  save(): AsyncIterable<Uint8Array>
  restore(bytes: AsyncIterable<Uint8Array>): Promise<Int32Array>
  /** The logits [vocab] after the last of `ids`. */
  logits(ids: Int32Array, options?: ReadOptions): Promise<Float32Array>
}

/** Parts of a saved text, of up to some hundred KB. */
const PARTS_AHEAD = 2

/** @param close ends the line, and the worker where it was started for this model */
export function workerModel(
  worker: Peer<HostCalls>,
  model: number,
  facts: ModelFacts,
  files: PageFiles,
  close: () => Promise<void>,
): WorkerModel {
  let disposed = false
  const alive = (): void => check(!disposed, 'worker/disposed', 'this model was disposed')
  const pictures = ownPictures((picture) => {
    // Nobody waits for it.
    if (!disposed) worker.call('forget', { model, picture }).catch(() => {})
  })
  const sent = (prompt: Prompt): Prompt => {
    alive()
    return prompt instanceof Int32Array ? prompt.slice() : pictures.sent(prompt)
  }

  const chats = remoteChats(worker, model, pictures)

  const generate = (prompt: Prompt, options: WorkerGenerateOptions = {}): Generation => {
    const { wire, call } = split(options)
    const args = { model, prompt: sent(prompt), options: wire }
    return remoteGeneration({
      stream: () => worker.stream('generate', args, AHEAD, call),
      alone: () => worker.call('generate', args, call),
    })
  }

  return {
    ...facts,
    generate,
    chat: (options) => chats.begin(options),
    async generateObject<T>(prompt: Prompt, { schema, whitespace, order, open, ...options }: ObjectOptions<T>) {
      const { wire, call } = split(options)
      const text = plainSchema({
        schema,
        ...(whitespace && { whitespace }),
        ...(order && { order }),
        ...(open !== undefined && { open }),
      })
      const args = { model, prompt: sent(prompt), text, options: wire }
      const { object, ...result } = await worker.call('object', args, call)
      return { ...result, object: await validated<T>(schema, object) }
    },
    async picture(source, { signal, transfer = false, ...options } = {}) {
      alive()
      const buffers = transfer && !(source instanceof Blob) ? [bufferOf(source)] : []
      const image = transfer || source instanceof Blob ? source : ownBytes(source)
      const { id, picture } = await worker.call('picture', { model, image, options }, { signal, transfer: buffers })
      return pictures.add(id, picture)
    },
    encode: async (prompt, after) => worker.call('encode', { model, prompt: sent(prompt), after: after?.slice() }),
    async decode(ids) {
      alive()
      return worker.call('decode', { model, ids: Int32Array.from(ids) })
    },
    async *save() {
      alive()
      yield* worker.stream('save', { model }, PARTS_AHEAD)
    },
    async restore(bytes) {
      alive()
      const stream = files.stream(bytes)
      try {
        return await worker.call('restore', { model, bytes: stream.id })
      } finally {
        await stream.end()
      }
    },
    async logits(ids, { signal, onProgress, onEncode } = {}) {
      alive()
      const onEvent = teller({ onPrefill: onProgress, onEncode })
      return worker.call('logits', { model, ids: ids.slice() }, { signal, onEvent })
    },
    async [Symbol.asyncDispose]() {
      if (disposed) return
      disposed = true
      // Where the worker is gone, so is the model.
      await worker.call('dispose', { model }).catch(() => {})
      await close()
    },
  }
}

const bufferOf = (source: Uint8Array | RgbImage): ArrayBufferLike & Transferable =>
  transferable((source instanceof Uint8Array ? source : source.data).buffer)

function transferable(buffer: ArrayBufferLike): ArrayBuffer {
  check(buffer instanceof ArrayBuffer, 'worker/shared-bytes', 'shared memory cannot be handed over: leave transfer out')
  return buffer
}

/** A view is cloned with all of the buffer that it lies in. */
const ownBytes = (source: Uint8Array | RgbImage): Uint8Array | RgbImage => {
  const whole = <T extends ArrayBufferLike>(bytes: Uint8Array<T>): Uint8Array<T> | Uint8Array<ArrayBuffer> =>
    bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()
  return source instanceof Uint8Array ? whole(source) : { ...source, data: whole(source.data) }
}
