import { draftModel, promptLookup, type Drafter } from '@g3/runtime/speculate'
import { loadForCommand } from './loading.js'
import type { ModelOptions } from './options.js'

/** A drafter and what it holds open. */
export interface Speculation extends AsyncDisposable {
  readonly drafter: Drafter | undefined
}

/**
 * @param name `lookup`, `none`, or a model that guesses: a name, a path or a URL
 * @throws G3Error what loading the model throws
 */
export async function speculationOf(
  name: string | undefined,
  options: ModelOptions,
  signal: AbortSignal,
): Promise<Speculation> {
  if (name === undefined || name === 'none') return { drafter: undefined, async [Symbol.asyncDispose]() {} }
  if (name === 'lookup') return { drafter: promptLookup(), async [Symbol.asyncDispose]() {} }
  const { mmproj: _, ...rest } = options
  const loaded = await loadForCommand({ ...rest, model: name }, signal)
  return { drafter: draftModel(loaded.model), [Symbol.asyncDispose]: () => loaded[Symbol.asyncDispose]() }
}
