import { spellCalls, toolOutputs, type ToolCall, type ToolResult } from '@g3/runtime/tools'
import { joinParts, type ChatMessage, type ContentPart } from '@g3/tokenizer'
import { badRequest } from './api-error.js'
import type { FetchImage } from './remote-image.js'
import type { Message } from './requests.js'
import type { Served } from './served.js'

/** How calls of earlier turns are written. */
const FORM = 'json'

/**
 * OpenAI's messages as Gemma's turns: instructions come first, the results of tools are what the user says, and messages
 * of one role that follow each other are one turn.
 * @param instructions more of them, after the client's own
 * @throws ApiError 400 naming the message
 */
export async function turnsOf(
  served: Pick<Served, 'model' | 'fetchImage'>,
  messages: readonly Message[],
  instructions: readonly string[],
  signal: AbortSignal,
): Promise<readonly ChatMessage[]> {
  const system = [...messages.filter(isInstruction).map(({ content }) => textOf(content)), ...instructions]
  const called = new Map<string, ToolCall>()
  const turns: { readonly role: 'user' | 'assistant'; parts: readonly ContentPart[] }[] = []

  const say = (role: 'user' | 'assistant', parts: readonly ContentPart[]): void => {
    const last = turns.at(-1)
    if (last?.role === role) last.parts = joinParts(last.parts, parts, '\n\n')
    else turns.push({ role, parts })
  }

  for (const [place, message] of messages.entries()) {
    const where = `messages[${place}]`
    switch (message.role) {
      case 'system':
      case 'developer':
        continue
      case 'user':
        say('user', await userParts(served, message.content, where, signal))
        continue
      case 'assistant': {
        const calls = (message.tool_calls ?? []).map((one) => {
          const call = { name: one.function.name, arguments: argumentsOf(one.function.arguments, where) }
          called.set(one.id, call)
          return call
        })
        const text = message.content ? textOf(message.content) : ''
        const spelled = calls.length > 0 ? spellCalls(calls, FORM) : ''
        say('assistant', [{ type: 'text', text: [text, spelled].filter((piece) => piece !== '').join('\n') }])
        continue
      }
      case 'tool': {
        const name = called.get(message.tool_call_id)?.name
        if (name === undefined) throw badRequest(`no message before it has a tool call ${message.tool_call_id}`, where)
        const result: ToolResult = { name, value: textOf(message.content) }
        say('user', [{ type: 'text', text: toolOutputs([result]) }])
        continue
      }
      default:
        message satisfies never
    }
  }
  if (turns[0]?.role !== 'user')
    throw badRequest('the first message after the instructions must be the user’s', 'messages')
  const first = system.length > 0 ? [{ role: 'system', content: system.join('\n\n') }] : []
  return [...first, ...turns.map(({ role, parts }) => ({ role, content: parts }))]
}

const isInstruction = (message: Message): message is Extract<Message, { role: 'system' | 'developer' }> =>
  message.role === 'system' || message.role === 'developer'

const textOf = (content: string | readonly { readonly text: string }[]): string =>
  typeof content === 'string' ? content : content.map(({ text }) => text).join('')

function argumentsOf(json: string, where: string): ToolCall['arguments'] {
  try {
    const value: unknown = JSON.parse(json === '' ? '{}' : json)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Said below.
  }
  throw badRequest('the arguments of a tool call are a JSON object, as text', where)
}

type UserContent = Extract<Message, { role: 'user' }>['content']

async function userParts(
  { model, fetchImage }: Pick<Served, 'model' | 'fetchImage'>,
  content: UserContent,
  where: string,
  signal: AbortSignal,
): Promise<ContentPart[]> {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  const parts: ContentPart[] = []
  for (const part of content) {
    if (part.type === 'text') parts.push(part)
    else {
      const { url } = part.image_url
      const bytes = /^https?:/i.test(url) ? await fetched(url, where, signal, fetchImage) : bytesOf(url, where)
      parts.push({ type: 'image', image: await model.picture(bytes, { signal }) })
    }
  }
  return parts
}

const NOT_FETCHED = 'images are data URLs (data:image/png;base64,…): this server fetches none'

async function fetched(
  text: string,
  where: string,
  signal: AbortSignal,
  fetchImage: FetchImage | undefined,
): Promise<Uint8Array> {
  if (fetchImage === undefined) throw badRequest(NOT_FETCHED, where)
  const url = URL.parse(text)
  if (url?.protocol !== 'https:' || url.port !== '')
    throw badRequest('images are fetched over https only, from its usual port', where)
  return fetchImage(url, where, signal)
}

const DATA_URL = /^data:(?:image\/[a-z0-9.+-]{1,64})?;base64,/i
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

function bytesOf(url: string, where: string): Uint8Array {
  const head = DATA_URL.exec(url.slice(0, 128))
  if (!head) throw badRequest(NOT_FETCHED, where)
  const text = url.slice(head[0].length)
  if (!BASE64.test(text)) throw badRequest('the image is not valid base64', where)
  return Buffer.from(text, 'base64')
}
