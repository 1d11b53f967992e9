// A process that loads a model and fills its context: `node growth.mjs FILE CONTEXT THREADS`. It prints by how many bytes
// its most resident memory grew over what it had before the backend was made.
import { open } from 'node:fs/promises'
import { loadModel } from '@g3/runtime'
import { autoBackend } from '@g3/runtime/auto'
import { fileSource } from '@g3/runtime/gguf'

const [path = '', context, threads] = process.argv.slice(2)
const before = process.memoryUsage.rss()
// The system's own count of the most would begin with what the parent process had.
let most = before
const look = () => (most = Math.max(most, process.memoryUsage.rss()))
setInterval(look, 10).unref()

const backend = await autoBackend({ threads: Number(threads) })
const source = await fileSource(await open(path))
const model = await loadModel({ source, backend, context: Number(context) })
// Any tokens of text will do; one more is written.
const ids = Int32Array.from({ length: model.context - 1 }, (_, i) => (i === 0 ? 2 : 1000 + (i % 5000)))
for await (const chunk of model.generate(ids, { maxTokens: 1, temperature: 0 })) void chunk
look()
process.stdout.write(String(most - before))
await backend.dispose()
