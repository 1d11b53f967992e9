import type { PackedTensor } from '@g3/backend'
import type { TowerConfig } from '@g3/vision'
import { readGguf, tensorNamed } from '../gguf/index.js'
import { towerConfigFromGguf } from '../tower-config.js'
import { openFile, type FileSource } from './source.js'

/** An image encoder whose file was opened and checked. */
export interface OpenedEncoder {
  readonly config: TowerConfig
  /** @throws G3Error when it cannot be loaded */
  tensor(name: string): PackedTensor
  close(): Promise<void>
}

/** @throws G3Error as {@link towerConfigFromGguf}, `gguf/…` */
export async function openEncoder(file: FileSource, signal: AbortSignal | undefined): Promise<OpenedEncoder> {
  const source = await openFile(file, signal)
  const close = async (): Promise<void> => source.close?.()
  try {
    const gguf = await readGguf(source, { signal })
    return { config: towerConfigFromGguf(gguf), tensor: (name) => tensorNamed(gguf, name), close }
  } catch (cause) {
    await close()
    throw cause
  }
}
