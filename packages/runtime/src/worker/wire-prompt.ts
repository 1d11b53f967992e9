import { G3Error } from '@g3/backend'
import type { ChatMessage, ContentPart } from '@g3/tokenizer'
import type { Prompt } from '../generate/options.js'
import type { Picture } from '../generate/pictures.js'

/** What stands for a picture while a message crosses: its number in the worker. */
interface Lent {
  readonly lent: number
}

const isLent = (image: unknown): image is Lent => typeof image === 'object' && image !== null && 'lent' in image

type Change = (image: unknown) => unknown

/** The messages with other images in them. Messages are checked by who reads them. */
function withImages(messages: readonly ChatMessage[], change: Change): readonly ChatMessage[] {
  const part = (from: ContentPart): ContentPart =>
    from.type === 'image' && 'image' in from ? { ...from, image: change(from.image) } : from
  return messages.map((message) =>
    Array.isArray(message.content) ? { ...message, content: message.content.map(part) } : message,
  )
}

const isMessages = (prompt: Prompt): prompt is readonly ChatMessage[] => Array.isArray(prompt)

const promptWith = (prompt: Prompt, change: Change): Prompt =>
  isMessages(prompt) ? withImages(prompt, change) : prompt

/** The pictures of a model that a page has, as the worker keeps them. */
export interface LentPictures {
  add(picture: Picture): number
  forget(id: number): void
  /** The prompt with the pictures that its numbers stand for. */
  received(prompt: Prompt): Prompt
  messages(messages: readonly ChatMessage[]): readonly ChatMessage[]
}

export function lentPictures(): LentPictures {
  const pictures = new Map<number, Picture>()
  let count = 0
  const known: Change = (image) => (isLent(image) ? pictures.get(image.lent) : image)
  return {
    add(picture) {
      pictures.set(count, picture)
      return count++
    },
    forget: (id) => void pictures.delete(id),
    received: (prompt) => promptWith(prompt, known),
    messages: (messages) => withImages(messages, known),
  }
}

/** The same pictures as the page knows them. */
export interface OwnPictures {
  add(id: number, picture: Picture): Picture
  /** The prompt with numbers for pictures. @throws G3Error `generate/bad-image` for what `picture` did not give */
  sent(prompt: Prompt): Prompt
  messages(messages: readonly ChatMessage[]): readonly ChatMessage[]
}

/** @param forget told of pictures that nothing refers to any more */
export function ownPictures(forget: (id: number) => void): OwnPictures {
  const ids = new WeakMap<object, number>()
  const gone = new FinalizationRegistry(forget)
  const lent: Change = (image) => {
    const id = typeof image === 'object' && image !== null ? ids.get(image) : undefined
    if (id !== undefined) return { lent: id } satisfies Lent
    throw new G3Error(
      'generate/bad-image',
      "an image part of a message needs what this model's picture() gave: { type: 'image', image: await model.picture(file) }",
    )
  }
  return {
    add(id, picture) {
      ids.set(picture, id)
      gone.register(picture, id)
      return picture
    },
    // A view is cloned with all of the buffer that it lies in.
    sent: (prompt) => (prompt instanceof Int32Array ? prompt.slice() : promptWith(prompt, lent)),
    messages: (messages) => withImages(messages, lent),
  }
}
