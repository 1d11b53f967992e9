import type { Caps } from '@g3/backend'
import type { AutoOptions } from '../auto.js'
import type { ChatMessage } from '@g3/tokenizer'
import type { Gemma3Config } from '../config.js'
import type { ChatOptions } from '../session/session.js'
import type { Chunk } from '../generate/decode.js'
import type { GenerationResult } from '../generate/generation.js'
import type { ObjectResult } from '../generate/generate-object.js'
import type { LoadOptions } from '../generate/load.js'
import type { GenerateOptions, Overflow, Prompt } from '../generate/options.js'
import type { Picture, PictureOptions } from '../generate/pictures.js'
import type { RgbImage } from '@g3/vision'
import type { ConstraintText, SchemaText } from './constraint-text.js'
import type { Ask } from './messages.js'

/** Changes with every change of this file: a shared worker may be older than a page. */
export const VERSION = 1

/** What a page asks of a worker's backend; a worker's program may understand it or not. */
export type BackendWish = Pick<AutoOptions, 'backend' | 'threads' | 'precision'>

/** Where a file is: what the worker can open itself, or what the page reads for it. */
export type WireFile =
  | { readonly url: string }
  | { readonly blob: Blob }
  | { readonly page: number; readonly size: number; readonly name: string }

/** A model's file, or the page's function that opens those of a checkpoint. */
export type WireSource = WireFile | { readonly folder: number }

type Told = 'signal' | 'onProgress' | 'onNotice'

export interface WireLoad extends Omit<LoadOptions, 'source' | 'mmproj' | 'encoder' | 'backend' | Told> {
  readonly source: WireSource
  readonly mmproj?: WireFile | false
  readonly backend: BackendWish
  /** Models of a worker with the same name are one. */
  readonly share?: string
}

/** What is known of a model once it is loaded. */
export interface ModelFacts {
  readonly name: string
  readonly config: Gemma3Config
  readonly instructionTuned: boolean
  readonly seesImages: boolean
  readonly context: number
  readonly sequences: number
  /** What it computes on, as the backend itself says. */
  readonly backend: Pick<Caps, 'name' | 'description' | 'threads'>
}

export type LoadEvent =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'notice'; readonly notice: string }

export interface WireGenerate extends Omit<
  GenerateOptions,
  'signal' | 'constraint' | 'onPrefill' | 'onEncode' | 'onOverflow'
> {
  readonly constraint?: ConstraintText
}

export type GenerateEvent =
  | { readonly kind: 'prefill' | 'encode'; readonly done: number; readonly total: number }
  | { readonly kind: 'overflow'; readonly overflow: Overflow }

interface OfModel {
  readonly model: number
}

/** What a page asks of a worker. */
export interface HostCalls {
  /** First of all. `line` names the locks by which each side knows that the other lives. */
  readonly hello: Ask<{ readonly version: number; readonly line: string }, { readonly version: number }>
  readonly load: Ask<WireLoad, ModelFacts & OfModel, never, LoadEvent>
  readonly generate: Ask<
    OfModel & { readonly prompt: Prompt; readonly options: WireGenerate },
    GenerationResult,
    Chunk,
    GenerateEvent
  >
  /** Begins a conversation under a number of the page's. */
  readonly chat: Ask<OfModel & { readonly chat: number; readonly options: ChatOptions }>
  readonly send: Ask<
    OfModel & {
      readonly chat: number
      readonly system: string | undefined
      readonly content: ChatMessage['content']
      readonly options: WireGenerate
    },
    GenerationResult,
    Chunk,
    GenerateEvent
  >
  readonly reset: Ask<OfModel & { readonly chat: number }>
  readonly object: Ask<
    OfModel & {
      readonly prompt: Prompt
      readonly text: SchemaText
      readonly options: WireGenerate
    },
    ObjectResult<unknown>,
    never,
    GenerateEvent
  >
  readonly picture: Ask<
    OfModel & { readonly image: Uint8Array | Blob | RgbImage; readonly options: Omit<PictureOptions, 'signal'> },
    { readonly id: number; readonly picture: Picture }
  >
  /** What the page has let go of. */
  readonly forget: Ask<OfModel & { readonly picture?: number; readonly chat?: number }>
  readonly encode: Ask<OfModel & { readonly prompt: Prompt; readonly after: Int32Array | undefined }, Int32Array>
  readonly decode: Ask<OfModel & { readonly ids: Int32Array }, string>
  readonly save: Ask<OfModel, void, Uint8Array>
  /** `bytes` is a stream of the page's. */
  readonly restore: Ask<OfModel & { readonly bytes: number }, Int32Array>
  readonly logits: Ask<OfModel & { readonly ids: Int32Array }, Float32Array, never, GenerateEvent>
  readonly dispose: Ask<OfModel>
}

/** What a worker asks of a page. */
export interface PageCalls {
  /** A part of a file that only the page can read. */
  readonly read: Ask<{ readonly page: number; readonly offset: number; readonly length: number }, Uint8Array>
  /** A file of a checkpoint, if there is one of this name. */
  readonly open: Ask<{ readonly folder: number; readonly name: string }, WireFile | undefined>
  readonly close: Ask<{ readonly page: number }>
  /** The next bytes of a stream; undefined at its end. */
  readonly next: Ask<{ readonly bytes: number }, Uint8Array | undefined>
}
