import { open } from 'node:fs/promises'
import { cpu } from '@g3/kernels-cpu'
import { loadModel } from '@g3/runtime'
import { fileSource } from '@g3/runtime/gguf'
import { tempered, withAttention } from './with-attention.ts'

// node programs/tempered.ts MODEL.gguf PROMPT TEMPERATURE: the same text with attention sharper (below 1) or flatter (above).

const [path, prompt, temperature] = process.argv.slice(2)
if (path === undefined || prompt === undefined || !(Number(temperature) > 0))
  throw new Error('usage: node programs/tempered.ts MODEL.gguf PROMPT TEMPERATURE, which is above 0')

await using backend = withAttention(await cpu(), tempered(Number(temperature)))
await using model = await loadModel({ source: await fileSource(await open(path)), backend })
const { text } = await model.generate(prompt, { maxTokens: 64, temperature: 0 }).result()
console.log(text)
