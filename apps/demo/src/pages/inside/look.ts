import { G3Error } from '@g3/backend'
import { inspector, type Candidate, type Inspector, type LayerLook } from '@g3/runtime/inspect'
import { encodeChat, type Tokenizer } from '@g3/tokenizer'
import { decodeImage, imagePrompt, resize } from '@g3/vision'
import type { LabCall, LabModel, LabWorker } from '../../lab/calls.js'
import { openEncoder } from '../../lab/encoder.js'
import { latest, openBackend, type LabModels } from '../../lab/opened.js'

export interface Prompt {
  readonly text: string
  /** Asked as a turn of a conversation, or continued as it stands. */
  readonly form: 'chat' | 'text'
  readonly image?: Blob
}

export interface Token {
  readonly id: number
  readonly text: string
  readonly kind: 'text' | 'special' | 'image'
}

export interface NamedCandidate extends Candidate {
  readonly text: string
}

export interface LayerView extends Omit<LayerLook, 'candidates'> {
  readonly candidates: readonly NamedCandidate[]
}

/** What the layers make of one token of a text. */
export interface Looked {
  readonly tokens: readonly Token[]
  /** Tokens of the prompt; what follows was chosen. */
  readonly promptTokens: number
  /** The token that is looked at. */
  readonly at: number
  readonly heads: number
  readonly window: number | undefined
  readonly embedding: Omit<LayerView, 'kind' | 'attention'>
  readonly layers: readonly LayerView[]
  /** Whether what comes next ends the text, by its id. */
  readonly ends: readonly number[]
}

export type LookCall = LabCall<
  {
    readonly model: LabModel
    readonly prompt: Prompt
    /** Tokens that follow the prompt. */
    readonly chosen: readonly number[]
    /** Default: the last. */
    readonly at?: number
  },
  Looked,
  { readonly share: number }
>

/** Positions that the taps keep room for: with 18 layers of 4 heads some 100 MB. */
const CONTEXT = 512
const CANDIDATES = 8

interface Held {
  readonly tokenizer: Tokenizer
  readonly inspector: Inspector
  close(): Promise<void>
}

const openInspector = async (
  { opened }: LabModels,
  model: LabModel,
  onProgress: (share: number) => void,
): Promise<Held> => {
  const { config, tokenizer, tensor } = await opened(model)
  const backend = await openBackend(model)
  try {
    const eyes = await openEncoder(model, backend)
    const looking = await inspector(backend, tensor, config, {
      context: Math.min(CONTEXT, config.context),
      ...(eyes && { tower: eyes.tower }),
      onProgress: (done, total) => onProgress(done / total),
    })
    return { tokenizer, inspector: looking, close: () => backend.dispose() }
  } catch (error) {
    await backend.dispose()
    throw error
  }
}

async function idsOf({ tokenizer, inspector: { images } }: Held, { text, form, image }: Prompt): Promise<Int32Array> {
  if (form === 'text') return tokenizer.encode(text, { bos: true })
  if (image === undefined)
    return encodeChat(tokenizer, [{ role: 'user', content: text }], { addGenerationPrompt: true })
  if (images === undefined)
    throw new G3Error('demo/no-eyes', 'this model sees no images: take tiny-vision, or ask without one')
  const { side } = images
  const view = await images.add(resize(await decodeImage(new Uint8Array(await image.arrayBuffer())), side, side))
  const content = [
    { type: 'image', image },
    { type: 'text', text },
  ] as const
  return encodeChat(tokenizer, [{ role: 'user', content }], {
    addGenerationPrompt: true,
    imageContent: () => ({ prompt: imagePrompt(), views: [view] }),
  })
}

export function tokenOf(tokenizer: Tokenizer, id: number): Token {
  if (id < 0) return { id, text: 'image', kind: 'image' }
  if (tokenizer.isControl(id)) return { id, text: tokenizer.piece(id), kind: 'special' }
  const text = new TextDecoder().decode(tokenizer.bytes(id))
  return { id, text: text.includes('\uFFFD') ? tokenizer.piece(id) : text, kind: 'text' }
}

export const look: LabWorker<LookCall> = (models) => {
  const held = latest((model, onProgress) => openInspector(models, model, onProgress))
  return async (args, { signal, tell }) => lookAt(await held(args.model, (share) => tell({ share })), args, signal)
}

async function lookAt(here: Held, { prompt, chosen, at }: LookCall['args'], signal: AbortSignal): Promise<Looked> {
  const { tokenizer, inspector: looking } = here
  const begin = await idsOf(here, prompt)
  const ids = [...begin, ...chosen]
  const place = Math.min(at ?? ids.length - 1, ids.length - 1)
  // A row of an image is read with all others, and nothing follows from it alone.
  if ((ids[place] ?? 0) < 0)
    throw new G3Error('demo/image-row', 'a part of an image foretells no word: choose a token of the text')
  const { layers, embedding } = await looking.look(ids.slice(0, place + 1), { candidates: CANDIDATES, signal })
  const named = (candidates: readonly Candidate[]): readonly NamedCandidate[] =>
    candidates
      // Rows of the matrix that no token has.
      .filter(({ id }) => id < tokenizer.size)
      .map((candidate) => ({ ...candidate, text: tokenOf(tokenizer, candidate.id).text }))
  return {
    tokens: ids.map((id) => tokenOf(tokenizer, id)),
    promptTokens: begin.length,
    at: place,
    heads: looking.config.heads,
    window: looking.config.window,
    embedding: { ...embedding, candidates: named(embedding.candidates) },
    layers: layers.map((layer) => ({ ...layer, candidates: named(layer.candidates) })),
    ends: [tokenizer.eos, ...(tokenizer.endOfTurn === undefined ? [] : [tokenizer.endOfTurn])],
  }
}
