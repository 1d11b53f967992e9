import type { WireError } from './wire-error.js'

/** What one side may ask of the other. */
export interface Call {
  readonly args: unknown
  readonly result: unknown
  /** What comes one after the other before the result, no faster than it is taken. */
  readonly item: unknown
  /** What is told meanwhile. */
  readonly event: unknown
}
export type Calls<Names> = { readonly [name in keyof Names]: Call }

/** A call by its parts. */
export interface Ask<Args, Result = void, Item = never, Event = never> {
  readonly args: Args
  readonly result: Result
  readonly item: Item
  readonly event: Event
}

/** To who answers. */
export type Question =
  | {
      readonly kind: 'call'
      readonly name: string
      readonly args: unknown
      /** Items that may come before the first is taken; 0: none are wanted, only the result. */
      readonly ahead: number
      /** Whether the caller had given up already. */
      readonly aborted: boolean
    }
  /** So many items were taken. */
  | { readonly kind: 'more'; readonly count: number }
  /** No more items are wanted, the result is. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'abort' }

/** To who asked. */
export type Answer =
  | { readonly kind: 'item'; readonly item: unknown }
  | { readonly kind: 'event'; readonly event: unknown }
  | { readonly kind: 'result'; readonly result: unknown }
  /** `aborted`: what was thrown is the reason of the abort. */
  | { readonly kind: 'error'; readonly error: WireError; readonly aborted: boolean }

interface Envelope {
  readonly g3: 'message'
  /** Of the call; each side counts its own. */
  readonly id: number
}
export type ToAnswerer = Envelope & { readonly to: 'answerer' } & Question
export type ToAsker = Envelope & { readonly to: 'asker' } & Answer
export type Message = ToAnswerer | ToAsker

export type Post = (message: Message, transfer?: readonly Transferable[]) => void
