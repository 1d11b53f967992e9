import type { Choice, ChoiceDelta } from './chat-completions.js'
import { newId, outputText } from './responses-api.js'
import type { OutputItem, ResponseBody, TokenLogprob } from './responses.js'
import type { Send } from './stream.js'

/** Takes one event, such as `response.output_text.delta`. */
type Emit = (type: string, fields: object) => Promise<void>

type Message = Extract<OutputItem, { type: 'message' }>
type Call = Extract<OutputItem, { type: 'function_call' }>

/** Makes items of what comes, and tells of each from its beginning to its end: one is open at a time. */
export function responseItems(emit: Emit): {
  take(delta: ChoiceDelta, logprobs: readonly TokenLogprob[]): Promise<void>
  end(choice: Choice): Promise<readonly OutputItem[]>
  /** Those that are whole. */
  readonly ended: readonly OutputItem[]
} {
  const items: OutputItem[] = []
  let open: Message | Call | undefined

  const place = (): number => items.length
  const begin = async (item: Message | Call): Promise<void> => {
    open = item
    await emit('response.output_item.added', { output_index: place(), item })
  }

  const close = async (status: 'completed' | 'incomplete' = 'completed'): Promise<void> => {
    if (open === undefined) return
    const about = { item_id: open.id, output_index: place() }
    if (open.type === 'message') {
      const [part] = open.content
      await emit('response.output_text.done', { ...about, content_index: 0, text: part.text, logprobs: part.logprobs })
      await emit('response.content_part.done', { ...about, content_index: 0, part })
    } else await emit('response.function_call_arguments.done', { ...about, name: open.name, arguments: open.arguments })
    const item = { ...open, status }
    await emit('response.output_item.done', { output_index: place(), item })
    items.push(item)
    open = undefined
  }

  const write = async (text: string, logprobs: readonly TokenLogprob[]): Promise<void> => {
    if (open?.type !== 'message') {
      await close()
      const part = outputText('', [])
      const message: Message = {
        type: 'message',
        id: newId('msg'),
        status: 'in_progress',
        role: 'assistant',
        content: [],
      }
      await begin(message)
      open = { ...message, content: [part] }
      await emit('response.content_part.added', { item_id: message.id, output_index: place(), content_index: 0, part })
    }
    if (open?.type !== 'message') return
    const [before] = open.content
    open = { ...open, content: [outputText(before.text + text, [...before.logprobs, ...logprobs])] }
    const about = { item_id: open.id, output_index: place(), content_index: 0 }
    await emit('response.output_text.delta', { ...about, delta: text, logprobs })
  }

  const call = async (id: string, name: string): Promise<void> => {
    await close()
    await begin({ type: 'function_call', id: newId('fc'), call_id: id, name, arguments: '', status: 'in_progress' })
  }

  const spell = async (piece: string): Promise<void> => {
    if (open?.type !== 'function_call' || piece === '') return
    open = { ...open, arguments: open.arguments + piece }
    await emit('response.function_call_arguments.delta', { item_id: open.id, output_index: place(), delta: piece })
  }

  return {
    ended: items,
    async take(delta, logprobs) {
      if ('content' in delta) return write(delta.content, logprobs)
      for (const { id, function: called } of delta.tool_calls) {
        if (id !== undefined && called.name !== undefined) await call(id, called.name)
        await spell(called.arguments)
      }
    },
    async end({ finish }) {
      if (items.length === 0 && open === undefined) await write('', [])
      await close(finish === 'length' ? 'incomplete' : 'completed')
      return items
    },
  }
}

/** Numbers the events of one stream and puts their type into them. */
export function numbering(): (send: Send) => Emit {
  let count = 0
  return (send) => (type, fields) => send({ type, sequence_number: count++, ...fields }, type)
}

export const endOf = ({ status }: ResponseBody): string =>
  status === 'incomplete' ? 'response.incomplete' : 'response.completed'
