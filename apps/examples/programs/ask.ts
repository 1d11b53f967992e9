import { open } from 'node:fs/promises'
import { loadModel } from '@g3/runtime'
import { autoBackend } from '@g3/runtime/auto'
import { fileSource } from '@g3/runtime/gguf'

// node programs/ask.ts MODEL.gguf PROMPT: a text to stdout, token by token.

const [path, prompt] = process.argv.slice(2)
if (path === undefined || prompt === undefined) throw new Error('usage: node programs/ask.ts MODEL.gguf PROMPT')

await using model = await loadModel({
  source: await fileSource(await open(path)),
  backend: (workload) => autoBackend({ workload }),
})
for await (const { text } of model.generate(prompt, { maxTokens: 64, temperature: 0 })) process.stdout.write(text)
process.stdout.write('\n')
