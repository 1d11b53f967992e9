import { openModelFile } from '../loading.js'
import { ggufFacts, type ModelFacts } from './gguf-facts.js'

/** @throws G3Error as {@link ggufFacts}; `cli/missing-file`, `cli/unreadable-file` */
export const readModelFacts = async (path: string, signal?: AbortSignal): Promise<ModelFacts> =>
  ggufFacts(await openModelFile(path), signal)
