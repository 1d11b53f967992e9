import { MODELS, type ModelEntry } from '@g3/node-runner/models'

/** A model that the site knows by name. */
export interface KnownModel {
  readonly id: string
  readonly title: string
  /** What it is good for, in a few words. */
  readonly words: string
  /** About what is downloaded, in bytes. */
  readonly bytes: number
  /** Answers in turns; a base model only continues text. */
  readonly answers: boolean
  readonly sees: boolean
  readonly origin:
    | { readonly kind: 'site'; readonly url: string; readonly mmproj: string }
    | { readonly kind: 'hub'; readonly url: string; readonly repo: string; readonly file: string }
}

const HUB = 'https://huggingface.co'

/** Bytes of the model that comes with the site. */
const TINY_BYTES = 2_676_000

const WORDS: Readonly<Record<string, string>> = {
  'tiny-vision': 'Sees drawn shapes, numbers and words. Comes with this site and works offline.',
  'gemma-3-270m-it': 'The smallest that answers. Quick on any device.',
  'gemma-3-270m': 'The same before it learned to answer: it continues text.',
  'gemma-3-1b-it': 'A good answer, on a laptop or a new phone.',
  'gemma-3-4b-it': 'Knows far more. For a GPU or a fast laptop.',
  'gemma-3-12b-it': 'For a desktop with a large GPU.',
  'gemma-3-27b-it': 'The largest. Few browsers hold it.',
}

/** The models of the command's list, from the site itself or from the hub; the one that comes with the site first. */
export const KNOWN_MODELS: readonly KnownModel[] = [...MODELS]
  .sort((a, b) => Number(isCarried(b)) - Number(isCarried(a)))
  .flatMap((entry) => knownModel(entry) ?? [])

function isCarried({ origins }: ModelEntry): boolean {
  return origins.some(({ kind }) => kind === 'carried')
}

function knownModel({ name, origins, megabytes, instructionTuned }: ModelEntry): KnownModel | undefined {
  const common = { id: name, title: name, words: WORDS[name] ?? '', answers: instructionTuned }
  for (const origin of origins) {
    if (origin.kind === 'carried') {
      const [url, mmproj] = [`./${origin.file}`, `./${origin.mmproj}`]
      return { ...common, bytes: TINY_BYTES, sees: true, origin: { kind: 'site', url, mmproj } }
    }
    if (origin.kind === 'hub') {
      const { repo, file } = origin
      const url = `${HUB}/${repo}/resolve/main/${file}`
      return { ...common, bytes: megabytes * 1e6, sees: false, origin: { kind: 'hub', url, repo, file } }
    }
  }
  return undefined
}
