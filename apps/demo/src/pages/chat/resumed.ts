import { useEffect, useLayoutEffect } from 'preact/hooks'
import { useServices, type Services } from '../../app/services.js'
import { KNOWN_MODELS } from '../../engine/models.js'
import type { ModelChoice } from '../../engine/engine.js'

/** What the last visit left: a browser may forget it, and nothing is lost but a click. */
const KEY = 'g3-last'

interface Last {
  readonly conversation: string
  readonly model: string
}

/**
 * Takes up what was open when the page was left: the conversation, the model where it is on the device, and the answer that was
 * being written.
 */
export function useResumed(): void {
  const services = useServices()
  // Before anybody can click: whatever visitors begin comes after it, and so in its place.
  useLayoutEffect(() => {
    if (services.talk.path.peek().length === 0) void resume(services).catch(() => {})
    return services.engine.state.subscribe(() => note(services))
  }, [])
  useEffect(() => services.talk.conversation.subscribe(() => note(services)), [])
}

function note({ talk, engine }: Services): void {
  const state = engine.state.peek()
  const { id, turns } = talk.conversation.peek()
  if (turns.length === 0 || state.kind !== 'ready') return
  const last: Last = { conversation: id, model: state.choice.id }
  try {
    localStorage.setItem(KEY, JSON.stringify(last))
  } catch {
    // The next visit begins with a new conversation.
  }
}

async function resume({ talk, engine, store }: Services): Promise<void> {
  const last = lastVisit()
  if (last === undefined) return
  await talk.open(last.conversation)
  if (engine.state.peek().kind !== 'none') return
  const choice = await choiceOf(store, last.model)
  if (choice === undefined || engine.state.peek().kind !== 'none') return
  const answer = talk.path.peek().at(-1)
  await engine.load(choice)
  if (answer?.state === 'writing' && talk.path.peek().at(-1) === answer && talk.writing.peek() === undefined) {
    await talk.goOn(answer.id)
  }
}

async function choiceOf(store: Services['store'], id: string): Promise<ModelChoice | undefined> {
  const known = KNOWN_MODELS.find((model) => model.id === id)
  if (known?.origin.kind === 'site') {
    const { url, mmproj } = known.origin
    return { id, title: known.title, source: url, mmproj }
  }
  await store.refresh()
  const stored = store.models.peek().find(({ record }) => record.id === id)
  return stored?.state === 'whole' ? store.open(id) : undefined
}

function lastVisit(): Last | undefined {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null')
    if (typeof value !== 'object' || value === null || !('conversation' in value) || !('model' in value))
      return undefined
    const { conversation, model } = value
    return typeof conversation === 'string' && typeof model === 'string' ? { conversation, model } : undefined
  } catch {
    return undefined
  }
}
