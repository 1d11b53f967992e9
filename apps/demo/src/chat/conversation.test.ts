import { describe, expect, it } from 'vitest'
import {
  branchesAt,
  newConversation,
  pathTo,
  showing,
  titleOf,
  turnOf,
  withChange,
  withTurn,
  type Conversation,
} from './conversation.js'
import { parseConversation } from './saved.js'

const say = (
  conversation: Conversation,
  parent: string | undefined,
  text: string,
  role: 'user' | 'assistant' = 'user',
) => withTurn(conversation, parent, { role, text, images: [], state: 'done' })
const texts = (conversation: Conversation): string[] => pathTo(conversation).map(({ text }) => text)

/** a - b, and beside b: c - d. */
function branched() {
  const a = say(newConversation(), undefined, 'a')
  const b = say(a, a.leaf, 'b', 'assistant')
  const c = say(b, a.leaf, 'c', 'assistant')
  const d = say(c, c.leaf, 'd')
  return { a: a.leaf, b: b.leaf, c: c.leaf, d: d.leaf, all: d }
}

describe('a conversation', () => {
  it('shows the branch that was made last, and others when they are asked for, to their ends', () => {
    const { b, c, all } = branched()
    expect(texts(all)).toEqual(['a', 'c', 'd'])
    const first = showing(all, b)
    expect(texts(first)).toEqual(['a', 'b'])
    expect(texts(showing(first, c))).toEqual(['a', 'c', 'd'])
    const turn = turnOf(all, b)
    expect(turn && branchesAt(all, turn).map(({ text }) => text)).toEqual(['b', 'c'])
  })

  it('changes a turn and no other', () => {
    const { c, all } = branched()
    expect(texts(withChange(all, c, { text: 'new' }))).toEqual(['a', 'new', 'd'])
    expect(texts(all)).toEqual(['a', 'c', 'd'])
  })

  it('is called how it begins', () => {
    expect(titleOf(newConversation())).toBe('New conversation')
    expect(titleOf(say(newConversation(), undefined, ' two\n lines '))).toBe('two lines')
    expect(titleOf(say(newConversation(), undefined, 'x'.repeat(100)))).toMatch(/^x{59}…$/)
    const picture = withTurn(newConversation(), undefined, { role: 'user', text: '', images: ['a'], state: 'done' })
    expect(titleOf(picture)).toBe('A picture')
  })
})

describe('a saved conversation', () => {
  it('comes back as it was', () => {
    const { a, all } = branched()
    const facts = {
      model: 'm',
      tokens: 3,
      promptTokens: 5,
      cachedTokens: 2,
      firstMs: 1.5,
      tokensPerSecond: 9,
      stop: 'length',
    } as const
    const whole = { ...withChange(all, a, { facts, images: ['image-1'] }), system: 's', drawing: { topK: 3, seed: 1 } }
    expect(parseConversation(JSON.stringify(whole))).toEqual(whole)
  })

  it.each([
    ['half a file', '{"id": "a", "turns": ['],
    ['another thing', '[]'],
    ['null', 'null'],
    ['a turn without text', '{"id":"a","turns":[{"id":"t","role":"user"}]}'],
    ['a role that nobody has', '{"id":"a","turns":[{"id":"t","role":"tool","text":""}]}'],
    ['a parent that comes later', '{"id":"a","turns":[{"id":"t","parent":"u","role":"user","text":""}]}'],
    ['a turn that is its own parent', '{"id":"a","turns":[{"id":"t","parent":"t","role":"user","text":""}]}'],
    [
      'two turns of one name',
      '{"id":"a","turns":[{"id":"t","role":"user","text":""},{"id":"t","role":"user","text":""}]}',
    ],
  ])('is refused where it is %s', (_, text) => {
    expect(() => parseConversation(text)).toThrow(expect.objectContaining({ code: 'chat/bad-file' }))
  })

  it('keeps what it knows of settings, and nothing else', () => {
    const text = '{"id":"a","turns":[],"form":"poem","leaf":"gone","drawing":{"topK":2,"evil":1,"seed":"x"},"system":4}'
    expect(parseConversation(text)).toMatchObject({ form: 'chat', leaf: undefined, drawing: { topK: 2 }, system: '' })
    expect(parseConversation(text).drawing).toEqual({ topK: 2 })
  })
})
