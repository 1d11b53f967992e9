import { readFile } from 'node:fs/promises'
import { eventsOf, IMAGE, pause, post, random } from '../serving.mjs'

const SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 12 }, age: { type: 'integer', minimum: 0, maximum: 150 } },
  required: ['name', 'age'],
  additionalProperties: false,
}
const TOOLS = [
  { type: 'function', function: { name: 'look_up', description: 'Looks a person up', parameters: SCHEMA } },
]

/** Each is the client's mistake. */
const NONSENSE = [
  '{"messages": [',
  '[]',
  { messages: 'hello' },
  { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,@@@' } }] }] },
  { messages: [{ role: 'user', content: 'hi' }], max_completion_tokens: -1 },
  {
    messages: [{ role: 'user', content: 'hi' }],
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { $ref: '#/nowhere' } } },
  },
]

/**
 * Clients that each do one thing after the other, drawn by the seed, until the time is over.
 * Gives how often each was done and what went wrong that was not the client's fault.
 */
export async function mixedLoad({ url, milliseconds, clients, flood, withImages, seed }) {
  const image = `data:image/png;base64,${(await readFile(IMAGE)).toString('base64')}`
  const counts = {}
  const problems = []
  const chat = `${url}/v1/chat/completions`
  const user = (content, body) => ({ messages: [{ role: 'user', content }], max_completion_tokens: 24, ...body })

  /** Answered, or refused because there is no place: then undefined. */
  const answer = async (body, signal) => {
    const response = await post(chat, body, signal)
    if (response.status === 429) {
      if (!response.headers.get('retry-after')) throw new Error('429 without Retry-After')
      await response.arrayBuffer()
      return undefined
    }
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
    return response
  }
  const choice = async (body) => (await (await answer(body))?.json())?.choices[0]

  const kinds = {
    text: async (draw) => void (await choice(user(`Tell me of ${draw()}`, { seed: 1 }))),
    async stream(draw) {
      const response = await answer(user(`Tell me more of ${draw()}`, { stream: true, seed: 2 }))
      if (!response) return
      let last
      for await (const data of eventsOf(response)) last = data
      if (last !== '[DONE]') throw new Error(`a stream ended with ${last}`)
    },
    async schema(draw) {
      const response_format = { type: 'json_schema', json_schema: { name: 'person', schema: SCHEMA, strict: true } }
      const body = user(`Who is ${draw()}?`, { response_format, max_completion_tokens: 80 })
      const got = await choice(body)
      if (got?.finish_reason === 'stop') personIn(got.message.content)
    },
    async tool(draw) {
      const body = user(`Look ${draw()} up`, { tools: TOOLS, tool_choice: 'required', max_completion_tokens: 120 })
      const got = await choice(body)
      if (got?.finish_reason === 'tool_calls')
        for (const call of got.message.tool_calls) personIn(call.function.arguments)
    },
    async abort(draw) {
      const leave = new AbortController()
      const body = user(`Tell me all of ${draw()}`, { stream: draw() < 0.5, max_completion_tokens: 400 })
      const asked = answer(body, leave.signal).then((response) => response?.text())
      await Promise.race([asked.catch(() => {}), pause(300 * draw())])
      leave.abort()
      await asked.catch((problem) => {
        if (problem.name !== 'AbortError') throw problem
      })
    },
    async nonsense(draw) {
      const response = await post(chat, NONSENSE[Math.floor(draw() * NONSENSE.length)])
      const text = await response.text()
      if (response.status < 400 || response.status > 499) throw new Error(`nonsense got ${response.status}: ${text}`)
    },
    async flood(draw) {
      const body = user(`Word ${draw()}`, { max_completion_tokens: 4 })
      await Promise.all(Array.from({ length: flood }, async () => (await answer(body))?.arrayBuffer()))
    },
    ...(withImages && {
      async image() {
        const parts = [
          { type: 'image_url', image_url: { url: image } },
          { type: 'text', text: 'What is it?' },
        ]
        await choice(user(parts, {}))
      },
    }),
  }
  const shares = Object.keys(kinds).flatMap((kind) => Array(kind === 'flood' ? 1 : 6).fill(kind))

  const end = performance.now() + milliseconds
  const client = async (number) => {
    const draw = random(1000 * seed + number)
    while (performance.now() < end) {
      const kind = shares[Math.floor(draw() * shares.length)]
      counts[kind] = (counts[kind] ?? 0) + 1
      await kinds[kind](draw).catch((problem) => problems.push(`${kind}: ${problem.message} ${problem.cause ?? ''}`))
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  return { counts, problems }
}

function personIn(text) {
  const person = JSON.parse(text)
  if (typeof person.name !== 'string' || !Number.isInteger(person.age)) throw new Error(`no person: ${text}`)
}
