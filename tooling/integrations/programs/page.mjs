import { generate } from './generate.mjs'

// A page: what comes of it lies in `globalThis.result`.
const options = globalThis.cpuOptions ?? { threads: 2 }
const answer = await fetch('/model.gguf')
globalThis.result = await generate(new Uint8Array(await answer.arrayBuffer()), options).catch((error) => ({
  error: `${error.code ?? error.name}: ${error.message}`,
}))
