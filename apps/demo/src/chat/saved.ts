import { G3Error } from '@g3/backend'
import type { AnswerFacts, Conversation, Drawing, Turn } from './conversation.js'

type Fields = Readonly<Record<string, unknown>>

const STOPS = ['stop', 'length', 'context', 'aborted'] as const
const NUMBERS = ['temperature', 'topK', 'topP', 'minP', 'repetitionPenalty', 'maxTokens', 'seed'] as const

/**
 * A conversation as it was written. Files of the site can be old, cut or changed by other programs, so nothing of them is
 * taken on trust.
 * @throws G3Error `chat/bad-file`
 */
export function parseConversation(text: string): Conversation {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new G3Error('chat/bad-file', 'this conversation was not written to its end: delete it', { cause })
  }
  const { id, updated, form, system, drawing, turns, leaf } = fields(value)
  if (typeof id !== 'string' || !Array.isArray(turns)) throw broken('it lacks its turns')
  const read = turns.map(turnFrom)
  const known = new Set<string>()
  for (const { id: turn, parent } of read) {
    if (known.has(turn) || (parent !== undefined && !known.has(parent))) throw broken('its turns do not fit together')
    known.add(turn)
  }
  return {
    id,
    updated: typeof updated === 'number' ? updated : 0,
    form: form === 'text' ? 'text' : 'chat',
    system: typeof system === 'string' ? system : '',
    drawing: drawingFrom(drawing),
    turns: read,
    leaf: typeof leaf === 'string' && known.has(leaf) ? leaf : read.at(-1)?.id,
  }
}

const broken = (what: string): G3Error =>
  new G3Error('chat/bad-file', `this conversation cannot be read (${what}): delete it`)

function fields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw broken('it is no object')
  return Object.fromEntries(Object.entries(value))
}

function turnFrom(value: unknown): Turn {
  const { id, parent, role, text, images, state, facts } = fields(value)
  if (typeof id !== 'string' || typeof text !== 'string' || (role !== 'user' && role !== 'assistant')) {
    throw broken('a turn lacks its text')
  }
  const read = facts === undefined ? undefined : factsFrom(facts)
  return {
    id,
    parent: typeof parent === 'string' ? parent : undefined,
    role,
    text,
    images: Array.isArray(images) ? images.filter((name) => typeof name === 'string') : [],
    state: state === 'writing' ? 'writing' : 'done',
    ...(read && { facts: read }),
  }
}

function factsFrom(value: unknown): AnswerFacts {
  const { model, stop, ...counts } = fields(value)
  const count = (name: string): number => (typeof counts[name] === 'number' ? counts[name] : 0)
  return {
    model: typeof model === 'string' ? model : '',
    tokens: count('tokens'),
    promptTokens: count('promptTokens'),
    cachedTokens: count('cachedTokens'),
    firstMs: count('firstMs'),
    tokensPerSecond: count('tokensPerSecond'),
    stop: STOPS.find((reason) => reason === stop) ?? 'stop',
  }
}

function drawingFrom(value: unknown): Drawing {
  const given = typeof value === 'object' && value !== null ? fields(value) : {}
  const numbers = NUMBERS.flatMap((name) => (typeof given[name] === 'number' ? [[name, given[name]] as const] : []))
  return Object.fromEntries(numbers)
}
