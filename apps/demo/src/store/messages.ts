import type { Failure } from '../app/failure.js'
import type { FileMark } from './transfer.js'

/** What a page asks of a download's worker. It begins with `start`; `pause` ends it. */
export type DownloadOrder =
  | {
      readonly kind: 'start'
      /** Folder under `models`. */
      readonly folder: string
      readonly url: string
      readonly sha256?: string
      readonly mark?: FileMark
    }
  | { readonly kind: 'pause' }

/** What it answers. After `done`, `paused` or `failed` comes nothing more, and the file is closed. */
export type DownloadNews =
  | { readonly kind: 'mark'; readonly mark: FileMark }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | { readonly kind: 'done'; readonly sha256: string; readonly size: number }
  | { readonly kind: 'paused' }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** The name of a model's file in its folder, whole or in part. */
export const DATA_FILE = 'data.gguf'
