import { G3Error } from '@g3/backend'
import type { Json } from '../grammar/schema/json.js'
import { afterSpace, word, type Input, type Reading } from './input.js'

const MOST_DEPTH = 64
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const LITERAL = /[A-Za-z0-9_.+-]/
const WORDS: ReadonlyMap<string, Json> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['null', null],
  ['None', null],
])
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['b', '\b'],
  ['f', '\f'],
  ['\n', ''],
])

export const malformed = (message: string): G3Error => new G3Error('tools/malformed-call', message)

/**
 * A value as JSON or Python spells it: strings in either kind of quotes, a comma at the end, and tuples among them.
 * @throws G3Error `tools/malformed-call`
 */
export function* value(from: Input, depth = 0): Reading<Json> {
  if (depth > MOST_DEPTH) throw malformed(`values lie more than ${MOST_DEPTH} deep in each other`)
  const first = yield* afterSpace(from)
  if (first === '"' || first === "'") return yield* string(from)
  if (first === '[') return yield* list(from, ']', depth)
  if (first === '(') return yield* list(from, ')', depth)
  if (first === '{') return yield* object(from, depth)
  return literal(yield* word(from, LITERAL))
}

/** A number or a word. @throws G3Error `tools/malformed-call` */
export function literal(spelled: string): Json {
  const known = WORDS.get(spelled)
  if (known !== undefined) return known
  const number = NUMBER.test(spelled) ? Number(spelled) : NaN
  if (!Number.isFinite(number)) throw malformed(`${spelled === '' ? 'nothing' : spelled} stands where a value should`)
  return number
}

/** @throws G3Error `tools/malformed-call` */
export function* string(from: Input): Reading<string> {
  const quote = yield* from.peek()
  from.take()
  const stop = quote === '"' ? /["\\]/ : /['\\]/
  let text = ''
  for (;;) {
    const next = yield* from.peek()
    if (next === undefined) throw malformed('the text ends within a string')
    text += from.takeUntil(stop)
    const end = yield* from.peek()
    if (end === quote) {
      from.take()
      return text
    }
    if (end === '\\') {
      from.take()
      text += yield* escaped(from)
    }
  }
}

function* escaped(from: Input): Reading<string> {
  const kind = yield* from.peek()
  if (kind === undefined) throw malformed('the text ends within a string')
  from.take()
  if (kind !== 'u' && kind !== 'x') return ESCAPES.get(kind) ?? kind
  const length = kind === 'u' ? 4 : 2
  const digits = yield* word(from, /[0-9A-Fa-f]/, length)
  if (digits.length < length) throw malformed(`\\${kind}${digits} is no escape`)
  return String.fromCharCode(parseInt(digits, 16))
}

/** Takes a comma or the end of what lies in brackets; tells which. */
export function* isLast(from: Input, close: string): Reading<boolean> {
  const next = yield* afterSpace(from)
  if (next === close || next === ',') {
    from.take()
    if (next === close) return true
    // A comma may end what it stands in.
    if ((yield* afterSpace(from)) !== close) return false
    from.take()
    return true
  }
  throw malformed(next === undefined ? `the text ends before ${close}` : `${next} stands where , or ${close} should`)
}

function* list(from: Input, close: string, depth: number): Reading<Json> {
  from.take()
  const items: Json[] = []
  let ends = (yield* afterSpace(from)) === close
  if (ends) from.take()
  while (!ends) {
    items.push(yield* value(from, depth + 1))
    ends = yield* isLast(from, close)
  }
  return items
}

/** Sets an own member, whatever its name. */
export function setMember(object: object, name: string, item: Json): void {
  Object.defineProperty(object, name, { value: item, enumerable: true, configurable: true, writable: true })
}

function* object(from: Input, depth: number): Reading<{ [name: string]: Json }> {
  from.take()
  const members: { [name: string]: Json } = {}
  let ends = (yield* afterSpace(from)) === '}'
  if (ends) from.take()
  while (!ends) {
    const first = yield* afterSpace(from)
    if (first !== '"' && first !== "'") throw malformed(`${first ?? 'the end'} stands where a name in quotes should`)
    const name = yield* string(from)
    if ((yield* afterSpace(from)) !== ':') throw malformed(`no colon after ${JSON.stringify(name.slice(0, 40))}`)
    from.take()
    setMember(members, name, yield* value(from, depth + 1))
    ends = yield* isLast(from, '}')
  }
  return members
}
