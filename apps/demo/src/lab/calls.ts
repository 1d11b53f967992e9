import type { BackendWish } from '@g3/runtime/worker'
import type { GrowCall } from '../pages/structured/grow.js'
import type { LookCall } from '../pages/inside/look.js'
import type { PiecesCall } from '../pages/tokenizer/pieces.js'
import type { SeeCall } from '../pages/vision/see.js'
import type { LabModels } from './opened.js'
import type { RoundsCall } from '../pages/bench/rounds.js'

/** A model for a page that looks at its parts: the lab opens its files itself, beside the one of the chat. */
export interface LabModel {
  /** The same for the same file. */
  readonly id: string
  readonly source: string | Blob
  readonly mmproj?: string | Blob
  readonly wish: BackendWish
}

/** One thing to ask: what it takes, what it gives, and what it tells meanwhile. */
export interface LabCall<Args, Result, Item = never> {
  readonly args: Args
  readonly result: Result
  readonly item: Item
}

/** All that pages ask of the lab. Each page's part of the work lies with the page, and is fetched when it is asked for. */
export interface LabCalls {
  readonly pieces: PiecesCall
  readonly see: SeeCall
  readonly look: LookCall
  readonly grow: GrowCall
  readonly rounds: RoundsCall
}

export interface LabContext<Item> {
  readonly signal: AbortSignal
  readonly tell: (item: Item) => void
}

/** Does the calls of one name; what it keeps of models is its own, and the lab's. */
export type LabWorker<C> = (models: LabModels) => LabWork<C>

/** Does one call. */
export type LabWork<C> =
  C extends LabCall<infer Args, infer Result, infer Item>
    ? (args: Args, context: LabContext<Item>) => Promise<Result>
    : never

export type FromPage =
  | { readonly kind: 'call'; readonly id: number; readonly name: keyof LabCalls; readonly args: unknown }
  | { readonly kind: 'abort'; readonly id: number }

export type FromLab =
  | { readonly kind: 'item'; readonly id: number; readonly item: unknown }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly code: string; readonly message: string }
