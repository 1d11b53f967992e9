import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isPacked, reference, type Backend, type PackedTensor } from '@g3/backend'
import { loadTower, type RgbImage, type Tower } from '@g3/vision'
import { configFromGguf, type Gemma3Config } from '../config.js'
import { bytesSource, readGguf, tensorNamed } from '../gguf/index.js'
import { exact } from '../packing/loadable.js'
import { loadGemma3, type Gemma3, type Gemma3Options } from '../model/gemma3.js'
import { towerConfigFromGguf } from '../tower-config.js'
import { fixtureBytes } from './fixtures.js'

interface Prompt {
  readonly ids: readonly number[]
  readonly forcedIds: readonly number[]
  readonly logits: string
  readonly steps: string
}

interface ImagePrompt extends Prompt {
  /** The tiny images in the order of the text, whose rows have {@link IMAGE_ID} among the ids. */
  readonly images: readonly number[]
}

export const IMAGE_ID = 500
export const IMAGE_PROMPTS = ['image_1', 'image_first', 'image_2', 'image_2_adjacent', 'image_far'] as const

/** Goldens of the tiny random model; `fixtures/tiny-random/goldens.json` names their maker. */
export interface Goldens {
  readonly prompts: {
    readonly text_short: Prompt
    readonly text_long: Prompt & { readonly hidden: string }
  } & Readonly<Record<(typeof IMAGE_PROMPTS)[number], ImagePrompt>>
  readonly variants: {
    readonly qscale_24: { readonly logits: string }
    readonly sliding_16_layers_all_local: { readonly logits: string }
    readonly sliding_3_inside_image: { readonly logits: string }
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

const visionFixture = (name: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(readFileSync(fileURLToPath(new URL(`../../../vision/fixtures/tiny-random/${name}`, import.meta.url))))

/** The tiny model's image encoder. */
export async function tinyTower(backend: Backend, file = 'tiny-mmproj-f32-legacy-ffn-names.gguf'): Promise<Tower> {
  const gguf = await readGguf(bytesSource(visionFixture(file), file))
  return loadTower(backend, (name) => tensorNamed(gguf, name), towerConfigFromGguf(gguf))
}

/** One of the two images of the goldens. */
export function tinyView(index: number): RgbImage {
  const [width, height] = [112, 112]
  const bytes = 3 * width * height
  return { width, height, data: visionFixture('images.u8.bin').slice(index * bytes, (index + 1) * bytes) }
}

/** Largest difference of two arrays of one length. */
export function largestDifference(got: Float32Array, want: Float32Array): number {
  if (got.length !== want.length) throw new Error(`${got.length} values instead of ${want.length}`)
  return got.reduce((most, value, i) => Math.max(most, Math.abs(value - want[i])), 0)
}
