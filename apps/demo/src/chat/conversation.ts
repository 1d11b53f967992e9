/** How an answer went. */
export interface AnswerFacts {
  readonly model: string
  readonly tokens: number
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly firstMs: number
  /** 0 where there was one token at most. */
  readonly tokensPerSecond: number
  readonly stop: 'stop' | 'length' | 'context' | 'aborted'
}

/** One turn. Those with one parent are branches of each other. */
export interface Turn {
  readonly id: string
  readonly parent: string | undefined
  readonly role: 'user' | 'assistant'
  readonly text: string
  /** Names of images in the conversation's folder. */
  readonly images: readonly string[]
  /** `writing` is what a page that was closed leaves behind, too. */
  readonly state: 'writing' | 'done'
  readonly facts?: AnswerFacts
}

/** How answers are drawn; what is left out is as the model's maker recommends. */
export interface Drawing {
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repetitionPenalty?: number
  readonly maxTokens?: number
  readonly seed?: number
}

export interface Conversation {
  readonly id: string
  /** ms since 1970. */
  readonly updated: number
  /** Turns of two speakers, or a text that the model goes on with, as base models do. */
  readonly form: 'chat' | 'text'
  readonly system: string
  readonly drawing: Drawing
  /** A tree, in the order in which the turns were made. */
  readonly turns: readonly Turn[]
  /** The last turn of the branch that is shown. */
  readonly leaf: string | undefined
}

export const newId = (): string => crypto.randomUUID().slice(0, 13)

export const newConversation = (): Conversation => ({
  id: newId(),
  updated: Date.now(),
  form: 'chat',
  system: '',
  drawing: {},
  turns: [],
  leaf: undefined,
})

export const turnOf = ({ turns }: Conversation, id: string | undefined): Turn | undefined =>
  turns.find((turn) => turn.id === id)

/** The turns from the first to one of them, or to the last that is shown. */
export function pathTo(conversation: Conversation, end = conversation.leaf): readonly Turn[] {
  const path: Turn[] = []
  for (let turn = turnOf(conversation, end); turn; turn = turnOf(conversation, turn.parent)) path.unshift(turn)
  return path
}

/** The branches at a turn, itself included, oldest first. */
export const branchesAt = ({ turns }: Conversation, { parent }: Turn): readonly Turn[] =>
  turns.filter((turn) => turn.parent === parent)

/** Adds a turn behind `parent` and shows it. */
export function withTurn(
  conversation: Conversation,
  parent: string | undefined,
  turn: Pick<Turn, 'role' | 'text' | 'images' | 'state'>,
): Conversation & { readonly leaf: string } {
  const id = newId()
  return { ...conversation, updated: Date.now(), turns: [...conversation.turns, { ...turn, id, parent }], leaf: id }
}

/** Changes a turn. */
export function withChange(conversation: Conversation, id: string, change: Partial<Turn>): Conversation {
  const turns = conversation.turns.map((turn) => (turn.id === id ? { ...turn, ...change } : turn))
  return { ...conversation, updated: Date.now(), turns }
}

/** Shows the branch of a turn, to where it was continued last. */
export function showing(conversation: Conversation, id: string): Conversation {
  let leaf = id
  for (;;) {
    const next = conversation.turns.findLast((turn) => turn.parent === leaf)
    if (next === undefined) return { ...conversation, leaf }
    leaf = next.id
  }
}

const TITLE_LENGTH = 60

/** What a list of conversations calls it: how it begins. */
export function titleOf({ turns }: Conversation): string {
  const text = turns[0]?.text.replaceAll(/\s+/g, ' ').trim() ?? ''
  if (text === '') return turns[0]?.images.length ? 'A picture' : 'New conversation'
  return text.length > TITLE_LENGTH ? `${text.slice(0, TITLE_LENGTH - 1)}…` : text
}
