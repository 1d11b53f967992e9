// The Vercel AI SDK and LangChain.js against a live `g3 serve`: what their users do, streamed and not.
//   g3 serve --model tiny-vision --port 8080 &
//   node tooling/clients/javascript.mjs http://127.0.0.1:8080
// Installs both into .setup/clients the first time.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, stateFolder } from '../setup/paths.mjs'

const [url] = process.argv.slice(2)
assert(url, 'give the address of a server')
const CLIENTS = ['ai@7', '@ai-sdk/openai-compatible', '@langchain/openai', '@langchain/core', 'zod@4']

const folder = join(stateFolder, 'clients')
if (!existsSync(join(folder, 'node_modules'))) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...CLIENTS], {
    cwd: folder,
    stdio: 'inherit',
  })
}
const require = createRequire(join(folder, 'package.json'))
/** @param {string} name */
const load = (name) => import(pathToFileURL(require.resolve(name)).href)
const [{ generateObject, generateText, streamText, tool }, { createOpenAICompatible }, { z }] = await Promise.all(
  ['ai', '@ai-sdk/openai-compatible', 'zod'].map(load),
)
const { ChatOpenAI } = await load('@langchain/openai')

const picture = readFileSync(join(root, 'apps/node-runner/fixtures/tiny-vision/examples/pair.png'))
const SEEN = 'a yellow heart and a purple triangle'
const paint = z.object({ colour: z.enum(['red', 'blue']), count: z.int().min(0).max(9) })

const { data } = await (await fetch(`${url}/v1/models`)).json()
const provider = createOpenAICompatible({
  name: 'g3',
  baseURL: `${url}/v1`,
  supportsStructuredOutputs: true,
  includeUsage: true,
})
const model = provider(data[0].id)
const messages = [
  {
    role: 'user',
    content: [
      { type: 'image', image: picture },
      { type: 'text', text: 'Describe the image.' },
    ],
  },
]

const chain = new ChatOpenAI({
  model: data[0].id,
  apiKey: 'none',
  temperature: 0,
  maxRetries: 0,
  configuration: { baseURL: `${url}/v1` },
})
const shown = [
  {
    role: 'user',
    content: [
      { type: 'image_url', image_url: { url: `data:image/png;base64,${picture.toString('base64')}` } },
      { type: 'text', text: 'Describe the image.' },
    ],
  },
]

/** @type {Record<string, () => Promise<void>>} */
const CHECKS = {
  async 'AI SDK: text of an image'() {
    const { text, usage, finishReason } = await generateText({ model, messages, temperature: 0 })
    assert.equal(text, SEEN)
    assert.equal(finishReason, 'stop')
    assert(usage.outputTokens > 3)
  },
  async 'AI SDK: streamed'() {
    const { textStream, usage } = streamText({ model, messages, temperature: 0 })
    let text = ''
    for await (const piece of textStream) text += piece
    assert.equal(text, SEEN)
    assert((await usage).totalTokens > 3)
  },
  async 'AI SDK: an object'() {
    const { object } = await generateObject({ model, schema: paint, prompt: 'paint', maxOutputTokens: 80, seed: 1 })
    assert(paint.safeParse(object).success)
  },
  async 'AI SDK: tools'() {
    const called = []
    const tools = {
      paint: tool({
        description: 'Paints',
        inputSchema: paint,
        execute: async (input) => (called.push(input), 'done'),
      }),
    }
    const { toolCalls } = await generateText({
      model,
      tools,
      toolChoice: 'required',
      prompt: 'paint',
      maxOutputTokens: 120,
      seed: 1,
    })
    assert.equal(toolCalls[0].toolName, 'paint')
    assert(paint.safeParse(called[0]).success)
  },
  async 'AI SDK: errors keep their status'() {
    await assert.rejects(generateText({ model: provider('another'), prompt: 'a', maxRetries: 0 }), { statusCode: 404 })
  },
  async 'LangChain: text of an image'() {
    const answer = await chain.invoke(shown)
    assert.equal(answer.content, SEEN)
    assert(answer.usage_metadata.output_tokens > 3)
  },
  async 'LangChain: streamed'() {
    let text = ''
    for await (const { content } of await chain.stream(shown)) text += content
    assert.equal(text, SEEN)
  },
  async 'LangChain: an object'() {
    const held = chain.withStructuredOutput(paint, { name: 'paint', method: 'jsonSchema' })
    assert(paint.safeParse(await held.invoke('paint')).success)
  },
  async 'LangChain: tools'() {
    const bound = chain.bindTools([{ name: 'paint', description: 'Paints', schema: paint }], { tool_choice: 'any' })
    const { tool_calls: calls } = await bound.invoke('paint')
    assert.equal(calls[0].name, 'paint')
    assert(paint.safeParse(calls[0].args).success)
  },
}

for (const [name, check] of Object.entries(CHECKS)) {
  await check()
  console.log(`fine  ${name}`)
}
