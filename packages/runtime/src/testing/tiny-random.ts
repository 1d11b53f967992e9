import { isPacked, reference, type Backend, type PackedTensor } from '@g3/backend'
import { configFromGguf, type Gemma3Config } from '../config.js'
import { bytesSource, readGguf, tensorNamed } from '../gguf/index.js'
import { exact } from '../packing/loadable.js'
import { loadGemma3, type Gemma3, type Gemma3Options } from '../model/gemma3.js'
import { fixtureBytes } from './fixtures.js'

interface Prompt {
  readonly ids: readonly number[]
  readonly forcedIds: readonly number[]
  readonly logits: string
  readonly steps: string
}

/** Goldens of the tiny random model; `fixtures/tiny-random/goldens.json` names their maker. */
export interface Goldens {
  readonly prompts: { readonly text_short: Prompt; readonly text_long: Prompt & { readonly hidden: string } }
  readonly variants: {
    readonly qscale_24: { readonly logits: string }
    readonly sliding_16_layers_all_local: { readonly logits: string }
  }
  readonly ggufLogits: Readonly<Record<string, string>>
}

export const goldens = (): Goldens => JSON.parse(new TextDecoder().decode(fixtureBytes('tiny-random/goldens.json')))

export const goldenFloats = (file: string): Float32Array => new Float32Array(fixtureBytes(`tiny-random/${file}`).buffer)

/** A tiny model on the reference ops, or on `backend`. Types that backends do not hold are computed with exactly. */
export async function tinyModel(
  options: Gemma3Options & { file?: string; change?: Partial<Gemma3Config>; backend?: Backend } = {},
): Promise<Gemma3> {
  const { file = 'tiny-text-f32.gguf', change = {}, backend = reference(), ...rest } = options
  const gguf = await readGguf(bytesSource(fixtureBytes(`tiny-random/${file}`), file))
  const tensors = (name: string): PackedTensor => {
    const stored = gguf.tensors.get(name)
    return stored && !isPacked(stored) ? exact(stored) : tensorNamed(gguf, name)
  }
  return loadGemma3(backend, tensors, { ...configFromGguf(gguf), ...change }, rest)
}

/** Largest difference of two arrays of one length. */
export function largestDifference(got: Float32Array, want: Float32Array): number {
  if (got.length !== want.length) throw new Error(`${got.length} values instead of ${want.length}`)
  return got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i])), 0)
}
