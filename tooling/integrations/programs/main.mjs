import { readFile } from 'node:fs/promises'
import { generate } from './generate.mjs'
import { parts } from './parts.mjs'

// Node, Bun and Deno:  main.mjs MODEL.gguf
const bytes = new Uint8Array(await readFile(process.argv[2]))
console.log(JSON.stringify({ ...(await generate(bytes, { threads: 2 })), parts: await parts(bytes) }))
