import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { callReader, readCalls, type ToolEvent } from './calls.js'
import { spellCalls, TOOL_FORMS } from './form.js'
import type { Tool, ToolCall } from './tool.js'

const TOOLS: readonly Tool[] = [
  {
    name: 'weather',
    parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } },
  },
  { name: 'now' },
]

const callsOf = (text: string): readonly ToolCall[] =>
  readCalls(text, TOOLS).flatMap((event) => (event.type === 'call' ? [event.call] : []))
const textOf = (text: string): string =>
  readCalls(text, TOOLS)
    .map((event) => (event.type === 'text' ? event.text : ''))
    .join('')

const PARIS = { name: 'weather', arguments: { city: 'Paris', days: 2 } }
const NOW = { name: 'now', arguments: {} }

describe('calls in the documented forms', () => {
  it.each([
    ['JSON', '{"name": "weather", "parameters": {"city": "Paris", "days": 2}}', [PARIS]],
    [
      'JSON over lines',
      '{\n  "name": "weather",\n  "parameters": {\n    "city": "Paris",\n    "days": 2\n  }\n}\n',
      [PARIS],
    ],
    ['JSON in a fence', '```json\n{"name": "weather", "parameters": {"city": "Paris", "days": 2}}\n```', [PARIS]],
    [
      'a list in JSON',
      '[{"name": "weather", "arguments": {"city": "Paris", "days": 2}}, {"name": "now"}]',
      [PARIS, NOW],
    ],
    ['parameters first', '{"parameters": {"city": "Paris", "days": 2}, "name": "weather"}', [PARIS]],
    ['Python', '[weather(city="Paris", days=2), now()]', [PARIS, NOW]],
    ['Python without brackets', "weather(city='Paris', days=2)", [PARIS]],
    ['positional arguments', '[weather("Paris", 2)]', [PARIS]],
    ['a dictionary of arguments', '[weather(**{"city": "Paris"}, days=2,)]', [PARIS]],
    ['tool_code', '```tool_code\nweather(city="Paris", days=2)\nnow()\n```', [PARIS, NOW]],
    ['tool_code that prints', '```tool_code\nprint(weather(city="Paris", days=2))\n```', [PARIS]],
    ['after text', 'Let me see.\n```tool_code\n[weather(city="Paris", days=2)]\n```\n', [PARIS]],
  ])('%s', (_, text, calls) => {
    expect(callsOf(text)).toEqual(calls)
  })

  it("reads Python's words and escapes", () => {
    const [call] = callsOf(
      String.raw`[weather(a=True, b=None, c=[1, (2.5, -3e2)], d={"x": False}, e='it\'s \x41\u00e9\n')]`,
    )
    expect(call.arguments).toEqual({ a: true, b: null, c: [1, [2.5, -300]], d: { x: false }, e: "it's Aé\n" })
  })

  it('sets any name as a member of its own', () => {
    const [call] = callsOf('{"name": "now", "parameters": {"__proto__": {"a": 1}, "constructor": 2}}')
    expect(Object.keys(call.arguments)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(call.arguments)).toBe(Object.prototype)
  })
})

describe('text that is no call', () => {
  it.each([
    'It is [weather] outside, {see} "name" `code` now()',
    '{"name": "Peter", "age": 3}',
    '{"names": ["weather"]}',
    '[1, 2, {"a": 3}]',
    '```json\n{"a": 1}\n```',
    '```python\nweather(city="Paris")\n```',
    'now is the time',
    '{"name": "now"',
    '[[[[{{{{`````',
    '',
  ])('stays as it is: %s', (text) => {
    const events = readCalls(text, TOOLS)
    if (text !== '{"name": "now"') expect(events.every(({ type }) => type === 'text')).toBe(true)
    else expect(events.at(-1)).toMatchObject({ type: 'call-error', raw: text })
    if (events.every(({ type }) => type === 'text')) expect(textOf(text)).toBe(text)
  })

  it.each([
    ['an unknown tool', '{"name": "fly", "parameters": {}}'],
    ['an unknown tool in code', '```tool_code\nfly()\n```'],
    ['an end within', '[weather(city="Par'],
    ['a call within', '[weather(city=now())]'],
    ['no object', '{"name": "now", "parameters": 3}'],
    ['no number', '{"name": "weather", "parameters": {"days": 1e999}}'],
    ['depth', `{"name": "now", "parameters": ${'['.repeat(100)}`],
  ])('%s is an error that tells what and where', (_, text) => {
    const events = readCalls(text, TOOLS)
    expect(events.filter(({ type }) => type === 'call')).toEqual([])
    expect(events.find(({ type }) => type === 'call-error')).toMatchObject({ error: { code: 'tools/malformed-call' } })
  })
})

/** `G3_RANDOM_RUNS=100000` makes more of them. */
const RUNS = Number(process.env.G3_RANDOM_RUNS ?? 1000)

/** Pieces that lead readers astray. */
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '"',
  "'",
  '`',
  '```',
  '```tool_code\n',
  '```json\n',
  ',',
  ':',
  '=',
  '\\',
  '\\u00',
  '\n',
  ' ',
  'name',
  '"name": ',
  '"parameters": ',
  '{"name": "weather", "parameters": {',
  '[weather(',
  'now()',
  'print(',
  'weather',
  'now',
  'city=',
  '"Paris"',
  '1',
  '-',
  'e9',
  'True',
  'None',
  '**',
  '{}',
  'é',
  '\ud800',
  'x',
]
const hostile = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 })

describe('any text', () => {
  it('reads alike in one piece and in many, and loses nothing', () => {
    fc.assert(
      fc.property(hostile, (pieces) => {
        const text = pieces.join('')
        const reader = callReader(TOOLS)
        const events: ToolEvent[] = []
        for (const character of text) events.push(...reader.push(character))
        events.push(...reader.end())
        const essence = (all: readonly ToolEvent[]): unknown => {
          const spoken = all.map((event) => (event.type === 'text' ? event.text : '')).join('')
          const deltas = all.map((event) => (event.type === 'call-delta' ? `${event.index}${event.text}` : '')).join('')
          const calls = all.filter(({ type }) => type === 'call' || type === 'call-error' || type === 'call-start')
          return [spoken, deltas.replace(/\d/g, ''), JSON.stringify(calls)]
        }
        const whole = readCalls(text, TOOLS)
        expect(essence(events)).toEqual(essence(whole))
        if (whole.every(({ type }) => type === 'text') && /\S/.test(text)) expect(textOf(text)).toBe(text)
        // What begins ends, in order.
        const starts = whole.flatMap((event) => (event.type === 'call-start' ? [event.index] : []))
        const ends = whole.flatMap((event) =>
          event.type === 'call' || event.type === 'call-error' ? [event.index] : [],
        )
        expect(ends).toEqual(ends.map((_, i) => i))
        expect(starts.every((index) => ends.includes(index))).toBe(true)
      }),
      { numRuns: RUNS },
    )
  })

  it.each([
    '{',
    '[',
    '`',
    '{"',
    '{"name": "x',
    '```tool_code\nprint(',
    '[weather(',
    '{"name": "weather", "parameters": {"a": [',
  ])('takes time by its length: %s, again and again', (piece) => {
    const start = performance.now()
    readCalls(piece.repeat(20_000), TOOLS)
    expect(performance.now() - start).toBeLessThan(3000)
  })

  it('reads what is spelled, in each form', () => {
    const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('__proto__'))
    fc.assert(
      fc.property(
        fc.constantFrom(...TOOL_FORMS),
        fc.array(fc.record({ city: json, days: fc.integer() }), { minLength: 1, maxLength: 3 }),
        (form, all) => {
          const calls = all.map((args) => ({ name: 'weather', arguments: args }))
          expect(JSON.stringify(callsOf(spellCalls(calls, form)))).toBe(JSON.stringify(calls))
        },
      ),
      { numRuns: RUNS / 10 },
    )
  })
})
