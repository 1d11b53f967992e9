import type { ContentPart } from '@g3/tokenizer'
import type { RgbImage } from '@g3/vision'
import type { Model } from '../generate/model.js'
import { isObject } from '../grammar/schema/json.js'
import { domError } from './errors.js'
import type { PromptInput } from './types.js'

/** A message with its images prepared. */
export interface ReadyMessage {
  readonly role: 'user' | 'assistant'
  readonly parts: readonly ContentPart[]
}

/** An input, read. */
export interface ReadyInput {
  readonly system: string | undefined
  readonly messages: readonly ReadyMessage[]
  /** What the answer begins with. */
  readonly prefix: string
}

export interface InputRules {
  readonly model: Pick<Model, 'picture'>
  readonly allowsImages: boolean
  /** Whether a first message may give instructions. */
  readonly allowsSystem: boolean
  /** Whether a last message may be the beginning of the answer. */
  readonly allowsPrefix: boolean
  readonly signal: AbortSignal
}

/**
 * Reads an input: checks it and prepares its images.
 * @throws TypeError, DOMException `NotSupportedError`, `SyntaxError`, `DataError`
 */
export async function readInput(input: PromptInput, rules: InputRules): Promise<ReadyInput> {
  if (typeof input === 'string')
    return { system: undefined, messages: [{ role: 'user', parts: [{ type: 'text', text: input }] }], prefix: '' }
  if (!Array.isArray(input)) throw new TypeError('the input is neither a string nor an array of messages')
  if (input.length === 0 && rules.allowsPrefix) throw new TypeError('the input has no messages')
  let system: string | undefined
  let prefix = ''
  const messages: ReadyMessage[] = []
  for (const [place, message] of input.entries()) {
    if (!isObject(message)) throw new TypeError(`message ${place} is not an object`)
    const { role } = message
    const parts = await partsOf(message.content, place, rules)
    if (role === 'system') {
      if (!rules.allowsSystem) throw domError('NotSupportedError', 'a system message belongs into initialPrompts')
      if (place > 0) throw new TypeError('the system message must be the first one')
      system = textOf(parts, 'a system message')
    } else if (role === 'user' || role === 'assistant') {
      if (message.prefix !== true) messages.push({ role, parts })
      else if (!rules.allowsPrefix || role !== 'assistant' || place < input.length - 1)
        throw domError('SyntaxError', 'only the last message of a prompt, of the assistant, may be a prefix')
      else prefix = textOf(parts, 'a prefix')
    } else throw new TypeError(`message ${place} has the role ${String(role)}; it must be system, user or assistant`)
    if (role === 'assistant') textOf(parts, "an assistant's message")
  }
  return { system, messages, prefix }
}

/** @throws DOMException `NotSupportedError` for images */
export function textOf(parts: readonly ContentPart[], what: string): string {
  return parts
    .map((part) => {
      if (part.type !== 'text') throw domError('NotSupportedError', `${what} cannot have images`)
      return String(part.text)
    })
    .join('')
}

async function partsOf(
  content: unknown,
  place: number,
  { model, allowsImages, signal }: InputRules,
): Promise<ContentPart[]> {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  if (!Array.isArray(content)) throw new TypeError(`message ${place} has no content`)
  const parts: ContentPart[] = []
  for (const part of content) {
    if (!isObject(part)) throw new TypeError(`message ${place} has a part that is not an object`)
    const { type, value }: { type?: unknown; value?: unknown } = part
    if (type === 'text' && typeof value === 'string') parts.push({ type, text: value })
    else if (type === 'image') {
      if (!allowsImages)
        throw domError(
          'NotSupportedError',
          'images must be announced: expectedInputs: [{ type: "image" }], of a model that sees them',
        )
      parts.push({ type, image: await model.picture(await imageOf(value), { signal }) })
    } else if (type === 'audio') throw domError('NotSupportedError', 'the model hears nothing: audio is not supported')
    else throw new TypeError(`message ${place} has a part that is no text, image or audio`)
  }
  return parts
}

/** @throws TypeError for what is no image */
async function imageOf(value: unknown): Promise<Uint8Array | Blob | RgbImage> {
  if (value instanceof Blob) return value
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  const pixels = isPixels(value) ? value : drawn(value)
  const { width, height } = pixels
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) data.set(pixels.data.subarray(i * 4, i * 4 + 3), i * 3)
  return { width, height, data }
}

/** ImageData, or what looks like it. */
interface Pixels {
  readonly width: number
  readonly height: number
  readonly data: Uint8ClampedArray | Uint8Array
}

const isPixels = (value: unknown): value is Pixels =>
  typeof value === 'object' &&
  value !== null &&
  'width' in value &&
  'height' in value &&
  'data' in value &&
  (value.data instanceof Uint8ClampedArray || value.data instanceof Uint8Array) &&
  value.data.length === Number(value.width) * Number(value.height) * 4

/** The names that drawable things have for their own width and height, the true ones first. */
const SIZES = [
  ['naturalWidth', 'naturalHeight'],
  ['videoWidth', 'videoHeight'],
  ['displayWidth', 'displayHeight'],
  ['width', 'height'],
] as const

/** Whether it may be what a canvas can draw, in hosts that have one. */
const isDrawable = (value: unknown): value is ImageBitmap =>
  typeof OffscreenCanvas === 'function' && typeof value === 'object' && value !== null

function drawn(value: unknown): Pixels {
  const size = isDrawable(value) ? SIZES.find(([width]) => Number(Reflect.get(value, width)) > 0) : undefined
  const context =
    size && isDrawable(value)
      ? new OffscreenCanvas(Number(Reflect.get(value, size[0])), Number(Reflect.get(value, size[1]))).getContext('2d')
      : undefined
  if (!context || !isDrawable(value))
    throw new TypeError('an image is a Blob, bytes of a file, ImageData, or what a canvas can draw')
  context.drawImage(value, 0, 0)
  return context.getImageData(0, 0, context.canvas.width, context.canvas.height)
}
