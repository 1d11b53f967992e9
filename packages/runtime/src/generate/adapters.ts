import { check } from '@g3/backend'
import { readGguf } from '../gguf/index.js'
import type { Adapter, Adapters, AdapterUse } from '../lora/adapters.js'
import { openFile, type FileSource } from './source.js'

/** LoRA adapters of a model: they change what it writes, and its own weights stay where they are. */
export interface ModelAdapters {
  /** Those in use, in the order in which they are added. */
  readonly inUse: readonly AdapterUse[]
  /**
   * Loads an adapter from a GGUF file, as llama.cpp's `convert_lora_to_gguf.py` makes them, without using it yet.
   * @throws G3Error `lora/…` for a file that is no adapter of this model, `gguf/…` for one that is damaged; the signal's reason
   */
  load(source: FileSource, options?: { readonly signal?: AbortSignal }): Promise<Adapter>
  /**
   * From the next text on the model writes with these adapters and no others; `[]`: with none. Nothing is taken from what was
   * read under others.
   * @throws G3Error `lora/bad-use`, `generate/busy` while a text is being written
   */
  use(list: readonly AdapterUse[]): Promise<void>
}

/**
 * @param staysOpen whether files are read again when hardware is lost
 * @param isIdle whether no text is being written
 */
export function modelAdapters(own: Adapters, staysOpen: boolean, isIdle: () => boolean): ModelAdapters {
  return {
    get inUse() {
      return own.inUse
    },
    async load(source, { signal } = {}) {
      const file = await openFile(source, signal)
      const close = async (): Promise<void> => file.close?.()
      let isHeld = false
      try {
        const adapter = await own.load(await readGguf(file, { signal }), { signal, ...(staysOpen && { close }) })
        isHeld = staysOpen
        return adapter
      } finally {
        if (!isHeld) await close()
      }
    },
    async use(list) {
      check(isIdle(), 'generate/busy', 'a text is being written: finish, leave or abort it before adapters change')
      await own.use(list)
    },
  }
}
