import type { AdapterUse, Model } from '@g3/runtime'
import { openModelFile } from './loading.js'
import type { AdapterFlag } from './options.js'

/**
 * Loads the adapters that were asked for and has the model use them.
 * @throws G3Error `cli/…` for files, `lora/…` and `gguf/…` for what is in them; the signal's reason
 */
export async function useAdapters(model: Model, flags: readonly AdapterFlag[], signal: AbortSignal): Promise<void> {
  const uses: AdapterUse[] = []
  for (const { path, scale } of flags) {
    uses.push({ adapter: await model.adapters.load(await openModelFile(path), { signal }), scale })
  }
  if (uses.length > 0) await model.adapters.use(uses)
}
