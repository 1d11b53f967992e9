import { check, G3Error } from '../errors.js'
import { checkMessages, type ChatMessage } from './message.js'

export interface JinjaOptions {
  /** Ends with the start of the model's turn, for it to answer. Default false. */
  readonly addGenerationPrompt?: boolean
  /** What the template sees as `bos_token` and `eos_token`. */
  readonly bosToken?: string
  readonly eosToken?: string
  /** Further variables of the template, such as `tools`. */
  readonly variables?: Readonly<Record<string, unknown>>
}

/**
 * Renders a conversation with any Jinja chat template, such as a GGUF's `tokenizer.chat_template`, through the optional
 * peer `@huggingface/jinja`. The text already holds whatever BOS the template writes. User text is not told apart from
 * the template's: control tokens spelled in it become control tokens once the text is tokenised with `special: true`.
 *
 * Throws `chat/jinja-missing`, `chat/bad-template` (with the cause), and as `renderGemma3` does for malformed messages.
 */
export async function renderJinja(
  template: string, messages: readonly ChatMessage[], options: JinjaOptions = {},
): Promise<string> {
  const { addGenerationPrompt = false, bosToken = '<bos>', eosToken = '<eos>', variables = {} } = options
  check(typeof template === 'string', 'chat/bad-template', 'the template is not a string')
  checkMessages(messages)
  const { Template } = await loadJinja()
  try {
    return new Template(template).render({
      ...variables,
      messages: messages.map((message) => ({ ...message, content: message.content ?? '' })),
      add_generation_prompt: addGenerationPrompt,
      bos_token: bosToken,
      eos_token: eosToken,
    })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new G3Error('chat/bad-template', `the chat template failed: ${reason}`, { cause })
  }
}

async function loadJinja(): Promise<typeof import('@huggingface/jinja')> {
  try {
    return await import('@huggingface/jinja')
  } catch (cause) {
    const message = 'chat templates need the optional package @huggingface/jinja: npm install @huggingface/jinja'
    throw new G3Error('chat/jinja-missing', message, { cause })
  }
}
