import type { ByteSource } from '@g3/runtime/gguf'

/** What g3 needs of where it runs, Node or a page. */
export interface G3Host {
  /** Opens the model's file. */
  open(): Promise<ByteSource>
  /** @throws G3Error `webgpu/unavailable` */
  gpu(): Promise<GPU>
}
