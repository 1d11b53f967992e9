import { isG3Error, type G3Error } from '@g3/backend'
import { isObject, type Json } from '../grammar/schema/json.js'
import { afterSpace, input, word, type Reading } from './input.js'
import { pythonArguments } from './python.js'
import { knownTools, type KnownTool, type Tool, type ToolCall } from './tool.js'
import { isLast, malformed, string, value } from './value.js'

/** What a model's text turns out to be. `index` counts calls from 0. */
export type ToolEvent =
  | { readonly type: 'text'; readonly text: string }
  /** A call of a known tool has begun. */
  | { readonly type: 'call-start'; readonly index: number; readonly name: string }
  /** The next piece of its arguments, as they are spelled. */
  | { readonly type: 'call-delta'; readonly index: number; readonly text: string }
  /** It is whole. Whether its arguments fit is for `checkCall` to say. */
  | { readonly type: 'call'; readonly index: number; readonly call: ToolCall }
  /** What began as a call is none, or none of a tool that there is. `raw` is its text. */
  | { readonly type: 'call-error'; readonly index: number; readonly raw: string; readonly error: G3Error }

/** Finds calls in a text that comes in pieces. */
export interface CallReader {
  push(piece: string): ToolEvent[]
  /** The text is over. */
  end(): ToolEvent[]
}

const IDENTIFIER = /[A-Za-z0-9_.-]/
/** What a call may begin with. */
const OPENER = /[`{[]/
const INSIDE = /^(?:json|tool_code|tool_calls?)$/

/**
 * Reads calls in any of the forms, fenced or not, without a constraint: what is no call stays text, what begins as one
 * and is broken becomes an error, and every character is looked at once.
 */
export function callReader(tools: readonly Tool[]): CallReader {
  const known = knownTools(tools)
  const from = input()
  let events: ToolEvent[] = []
  let index = 0
  const emit = (event: ToolEvent): void => {
    events.push(event)
  }
  const say = (text: string): void => {
    if (text !== '') emit({ type: 'text', text })
  }

  /** Reads arguments and tells of them as they come. */
  function* told<T>(reading: Reading<T>): Reading<T> {
    const place = index
    from.tap((text) => emit({ type: 'call-delta', index: place, text }))
    try {
      return yield* reading
    } finally {
      from.tap(undefined)
    }
  }

  const start = (name: string): void => emit({ type: 'call-start', index, name })
  const finish = (name: string, args: ToolCall['arguments']): void =>
    emit({ type: 'call', index: index++, call: { name, arguments: args } })
  const fail = (error: unknown): void => {
    if (!isG3Error(error)) throw error
    emit({ type: 'call-error', index: index++, raw: from.raw(), error })
  }
  const unknown = (name: string): G3Error =>
    malformed(`there is no tool ${JSON.stringify(name.slice(0, 64))}; there are ${[...known.keys()].join(', ')}`)

  /** `{"name": …, "parameters": …}`, from its brace on. @returns whether it was a call, broken or not */
  function* jsonCall(): Reading<boolean> {
    let name: string | undefined
    let args: Json | undefined
    let isStarted = false
    try {
      from.take()
      for (let ends = false; !ends;) {
        if ((yield* afterSpace(from)) !== '"') return false
        const key = yield* string(from)
        if ((yield* afterSpace(from)) !== ':') return false
        from.take()
        if (key === 'name' && name === undefined && (yield* afterSpace(from)) === '"') {
          name = yield* string(from)
          isStarted = known.has(name)
          if (isStarted) start(name)
        } else if ((key === 'parameters' || key === 'arguments') && args === undefined) {
          yield* afterSpace(from)
          args = yield* isStarted ? told(value(from)) : value(from)
        } else {
          // Some object of an answer, which goes on as text.
          if (!isStarted) return false
          yield* value(from)
        }
        ends = yield* isLast(from, '}')
      }
      if (name === undefined) return false
      if (!known.has(name)) {
        if (!isObject(args)) return false
        throw unknown(name)
      }
      if (!isStarted) start(name)
      isStarted = true
      if (args !== undefined && !isObject(args)) throw malformed('the parameters are no object')
      finish(name, args ?? {})
      return true
    } catch (error) {
      if (!isStarted && !(name !== undefined && isObject(args))) return notOurs(error)
      fail(error)
      return true
    }
  }

  const notOurs = (error: unknown): false => {
    if (!isG3Error(error)) throw error
    return false
  }

  /** `f(a=1)`, or `print(f(a=1))`, from its name on. @param isCode whether nothing but calls is to be expected */
  function* pythonCall(isCode: boolean, isPrinted = false): Reading<boolean> {
    const name = yield* word(from, IDENTIFIER)
    const next = yield* afterSpace(from)
    if (next !== '(' || name === '') return false
    if (isCode && !isPrinted && name === 'print' && !known.has(name)) {
      from.take()
      yield* afterSpace(from)
      const found = yield* pythonCall(isCode, true)
      if (found && (yield* afterSpace(from)) === ')') from.take()
      return found
    }
    const tool: KnownTool | undefined = known.get(name)
    if (!tool && !isCode) return false
    try {
      if (!tool) throw unknown(name)
      start(name)
      from.take()
      const args = yield* told(pythonArguments(from, tool.names))
      from.take()
      finish(name, args)
    } catch (error) {
      fail(error)
    }
    return true
  }

  /** One call, or a list of them, from its first character on. */
  function* calls(isCode: boolean): Reading<boolean> {
    const first = yield* afterSpace(from)
    if (first === '{') return yield* jsonCall()
    if (first !== '[') return yield* pythonCall(isCode)
    from.take()
    let any = false
    for (;;) {
      const next = yield* afterSpace(from)
      if (any && (next === ']' || next === ',')) {
        from.take()
        if (next === ']') return true
        from.mark()
        continue
      }
      const found = next === '{' ? yield* jsonCall() : yield* pythonCall(isCode)
      if (!found) {
        if (any) say(from.raw())
        return any
      }
      any = true
      from.mark()
    }
  }

  function* fenced(): Reading<boolean> {
    const ticks = yield* word(from, /`/)
    if (ticks.length < 3) return false
    const info = yield* word(from, /[A-Za-z_]/)
    if (!INSIDE.test(info)) return false
    let any = false
    for (;;) {
      const next = yield* afterSpace(from)
      if (any && (next === '`' || next === undefined)) {
        yield* word(from, /`/)
        return true
      }
      if (any && (next === ',' || next === ';')) {
        from.take()
        continue
      }
      if (any) from.mark()
      const isCode = info !== 'json'
      if (!(isCode || next === '{' || next === '[') || !(yield* calls(isCode))) {
        if (any) say(from.raw())
        return any
      }
      any = true
    }
  }

  function* all(): Reading<void> {
    from.mark()
    let next = yield* afterSpace(from)
    let found = next !== undefined && !OPENER.test(next) && (yield* pythonCall(false))
    if (!found) say(from.raw())
    for (;;) {
      from.mark()
      next = yield* found ? afterSpace(from) : from.peek()
      if (next === undefined) return
      if (!OPENER.test(next)) {
        say(from.raw())
        found = false
        say(from.takeUntil(OPENER))
        continue
      }
      found = yield* next === '`' ? fenced() : calls(false)
      if (!found) say(from.raw())
    }
  }

  const reading = all()
  const go = (): ToolEvent[] => {
    reading.next()
    from.tell()
    const found = events
    events = []
    return found
  }
  return {
    push(piece) {
      if (piece === '') return []
      from.push(piece)
      return go()
    },
    end() {
      from.end()
      return go()
    },
  }
}

/** All that a text turns out to be. Pieces of text that follow each other are one. */
export function readCalls(text: string, tools: readonly Tool[]): readonly ToolEvent[] {
  const reader = callReader(tools)
  return [...reader.push(text), ...reader.end()].reduce<ToolEvent[]>((events, event) => {
    const last = events.at(-1)
    if (event.type === 'text' && last?.type === 'text')
      events[events.length - 1] = { ...last, text: last.text + event.text }
    else events.push(event)
    return events
  }, [])
}
