export { encodeChat, renderGemma3, type ChatOptions, type EncodeChatOptions, type ImageContent } from './chat/gemma3.js'
export { joinParts } from './chat/join-parts.js'
export { renderJinja, type JinjaOptions } from './chat/jinja.js'
export type { ChatMessage, ContentPart } from './chat/message.js'
