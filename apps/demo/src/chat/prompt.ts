import { G3Error } from '@g3/backend'
import type { Picture } from '@g3/runtime'
import type { WorkerGenerateOptions, WorkerModel } from '@g3/runtime/worker'
import type { ChatMessage } from '@g3/tokenizer/chat'
import { pathTo, type Conversation, type Drawing, type Turn } from './conversation.js'

/** Gives the model's picture of an image of the conversation. */
export type PictureOf = (name: string) => Promise<Picture>

/**
 * What a model reads before it writes a turn, with what that turn holds already: an answer that was interrupted goes on.
 * @throws G3Error `chat/no-eyes` for images where the model sees none
 */
export async function promptFor(
  model: WorkerModel,
  conversation: Conversation,
  answer: Turn,
  pictureOf: PictureOf,
): Promise<string | readonly ChatMessage[] | Int32Array> {
  const before = pathTo(conversation, answer.parent)
  if (conversation.form === 'text') return [...before, answer].map(({ text }) => text).join('')
  const messages: ChatMessage[] = conversation.system.trim() ? [{ role: 'system', content: conversation.system }] : []
  for (const turn of before) messages.push(await messageOf(model, turn, pictureOf))
  if (answer.text === '') return messages
  return model.encode(answer.text, await model.encode(messages))
}

async function messageOf(model: WorkerModel, { role, text, images }: Turn, pictureOf: PictureOf): Promise<ChatMessage> {
  if (images.length === 0) return { role, content: text }
  if (!model.seesImages) {
    const message = `${model.name} sees no images: take a model that does, such as tiny-vision, or begin a conversation without them`
    throw new G3Error('chat/no-eyes', message)
  }
  const parts = await Promise.all(
    images.map(async (name) => ({ type: 'image', image: await pictureOf(name) }) as const),
  )
  return { role, content: [...parts, { type: 'text', text }] }
}

/** Base models never end by themselves. */
const MOST_TOKENS = { chat: 1024, text: 200 } as const

/** What an answer is drawn with; a model that was trained on few answers is asked for its best. */
export function drawingOf({ drawing, form }: Conversation, modelId: string): Required<Omit<Drawing, 'seed'>> & Drawing {
  return {
    temperature: modelId === 'tiny-vision' ? 0 : 1,
    topK: 64,
    topP: 0.95,
    minP: 0,
    repetitionPenalty: 1,
    maxTokens: MOST_TOKENS[form],
    ...drawing,
  }
}

/** Options of the model for them: a text that fills the context goes on without its oldest part. */
export const generateOptions = (conversation: Conversation, modelId: string): WorkerGenerateOptions => ({
  ...drawingOf(conversation, modelId),
  overflow: 'shift',
})
