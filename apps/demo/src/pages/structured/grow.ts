import { G3Error } from '@g3/backend'
import { loadGemma3, type TextSequence } from '@g3/runtime'
import { compileSchema, constraints, tokenizerVocabulary, type Constraint, type Vocabulary } from '@g3/runtime/grammar'
import { encodeChat, type Tokenizer } from '@g3/tokenizer'
import type { LabCall, LabModel, LabWorker } from '../../lab/calls.js'
import { latest, openBackend, type LabModels } from '../../lab/opened.js'
import { allowedIn, chooseAmong, likeliest, type Choice } from './choose.js'

export interface NamedChoice extends Choice {
  readonly text: string
}

/** One token of the answer. */
export interface GrownToken {
  readonly id: number
  readonly text: string
  /** Whether the schema left no other. */
  readonly isForced: boolean
  /** Tokens that the schema allowed here, of so many. */
  readonly allowed: number
  readonly vocabulary: number
  /** The likeliest of those allowed, among themselves. */
  readonly choices: readonly NamedChoice[]
  /** What the model would have liked best without the schema, where that was not allowed. */
  readonly refused: readonly NamedChoice[]
  /** Whether the text could have ended here. */
  readonly couldEnd: boolean
}

export interface Grown {
  readonly text: string
  /** Whether the schema was fulfilled, or the room used up before. */
  readonly isComplete: boolean
  /** Share of all tokens that were not the model's to choose. */
  readonly forced: number
}

export type GrowCall = LabCall<
  {
    readonly model: LabModel
    /** A JSON Schema, as text. */
    readonly schema: string
    readonly prompt: string
    readonly temperature: number
    readonly seed: number
    readonly most: number
  },
  Grown,
  GrownToken
>

const CONTEXT = 1024

interface Held {
  readonly tokenizer: Tokenizer
  readonly sequence: TextSequence
  readonly vocabulary: Vocabulary
  readonly context: number
  close(): Promise<void>
}

const openHeld = async ({ opened }: LabModels, model: LabModel): Promise<Held> => {
  const { config, tokenizer, tensor } = await opened(model)
  const backend = await openBackend(model)
  try {
    const context = Math.min(CONTEXT, config.context)
    const loaded = await loadGemma3(backend, tensor, config, { context, maxRows: Math.min(128, context) })
    const vocabulary = tokenizerVocabulary(tokenizer)
    return { tokenizer, sequence: loaded.sequence(), vocabulary, context, close: () => backend.dispose() }
  } catch (error) {
    await backend.dispose()
    throw error
  }
}

/** @throws G3Error `demo/bad-schema` for what is no JSON; `grammar/…` for what cannot be enforced */
export function parseSchema(text: string) {
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch (cause) {
    throw new G3Error('demo/bad-schema', `the schema is no JSON: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
  const isSchema =
    typeof schema === 'boolean' || (typeof schema === 'object' && schema !== null && !Array.isArray(schema))
  if (!isSchema) throw new G3Error('demo/bad-schema', 'a schema is an object such as { "type": "object" }')
  return compileSchema(schema as object | boolean)
}

export const grow: LabWorker<GrowCall> = (models) => {
  const held = latest((model) => openHeld(models, model))
  return async ({ model, schema, prompt, temperature, seed, most }, { signal, tell }) => {
    const grammar = parseSchema(schema)
    const { tokenizer, sequence, vocabulary, context } = await held(model)
    const constraint = constraints(grammar, vocabulary).start()
    const asked = encodeChat(tokenizer, [{ role: 'user', content: prompt }], { addGenerationPrompt: true })
    sequence.reset()
    await sequence.append(asked, { signal })
    return growText(
      { tokenizer, sequence, constraint },
      { temperature, seed, most: Math.min(most, context - asked.length - 1), signal, tell },
    )
  }
}

interface GrowParts {
  readonly tokenizer: Tokenizer
  readonly sequence: Pick<TextSequence, 'logits' | 'step'>
  readonly constraint: Constraint
}

interface GrowOptions {
  readonly temperature: number
  readonly seed: number
  readonly most: number
  readonly signal: AbortSignal
  readonly tell: (token: GrownToken) => void
}

/** Writes token by token what the constraint allows, and tells at each what the choice was. */
export async function growText({ tokenizer, sequence, constraint }: GrowParts, options: GrowOptions): Promise<Grown> {
  const { temperature, seed, most, signal, tell } = options
  const { vocabulary } = constraint
  const mask = new Uint32Array(vocabulary.words)
  // Whatever a grammar lets through is whole characters in the end.
  const utf8 = new TextDecoder()
  let random = seed >>> 0 || 1
  let [text, count, forced] = ['', 0, 0]
  const named = ({ id, probability }: Choice): NamedChoice => ({
    id,
    probability,
    text: vocabulary.ends.includes(id) ? 'the end' : pieceText(tokenizer, id),
  })

  while (count < most && !constraint.isFinished()) {
    signal.throwIfAborted()
    constraint.mask(mask)
    const logits = await sequence.logits()
    const { allowed, choices } = allowedIn(logits, mask, 8)
    // xorshift32: the same seed writes the same text on every machine.
    random ^= random << 13
    random ^= random >>> 17
    random ^= random << 5
    // What the schema leaves no choice about is text that the runtime adds without asking; the model is asked here to be seen.
    const [only] = constraint.forced()
    const id = only ?? chooseAmong(logits, mask, temperature, (random >>> 0) / 2 ** 32)
    if (id === undefined) throw new G3Error('model/bad-logits', 'no token can be chosen; is the file damaged?')
    const isEnd = vocabulary.ends.includes(id)
    const written = isEnd ? '' : utf8.decode(tokenizer.bytes(id), { stream: true })
    const refused = likeliest(logits, 4).filter((best) => !isIn(mask, best.id) && best.id < tokenizer.size)
    tell({
      id,
      text: isEnd ? 'the end' : written,
      isForced: only !== undefined,
      allowed,
      vocabulary: vocabulary.size,
      choices: choices.map(named),
      refused: refused.map((choice) => ({ ...choice, text: pieceText(tokenizer, choice.id) })),
      couldEnd: constraint.isComplete(),
    })
    if (isEnd) return { text, isComplete: true, forced: count === 0 ? 0 : forced / count }
    text += written
    count++
    if (only !== undefined) forced++
    constraint.accept(id)
    sequence.step(id)
  }
  return { text, isComplete: constraint.isComplete(), forced: count === 0 ? 0 : forced / count }
}

const isIn = (mask: Uint32Array, id: number): boolean => ((mask[id >> 5] ?? 0) & (1 << (id & 31))) !== 0

/** What a token writes. A byte that is a token of its own goes by its name: it may write what another token does, too. */
const pieceText = (tokenizer: Tokenizer, id: number): string => {
  const spelling = tokenizer.piece(id)
  return tokenizer.isControl(id) || IS_BYTE.test(spelling) ? spelling : new TextDecoder().decode(tokenizer.bytes(id))
}

const IS_BYTE = /^<0x[0-9A-F]{2}>$/
