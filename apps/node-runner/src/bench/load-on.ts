import type { Backend } from '@g3/backend'
import { loadGemma3, openModel, type Gemma3 } from '@g3/runtime'
import type { ByteSource } from '@g3/runtime/gguf'
import type { Job } from './protocol.js'

/** Loads a job's model onto a backend, with room for its texts. Takes the source over. */
export async function loadOn(
  backend: Backend,
  source: ByteSource,
  { prompt, generate, sequences }: Pick<Job, 'prompt' | 'generate' | 'sequences'>,
): Promise<Gemma3> {
  const opened = await openModel(source)
  try {
    return await loadGemma3(backend, opened.tensor, opened.config, { context: prompt.length + generate + 1, sequences })
  } finally {
    await opened.close()
  }
}
