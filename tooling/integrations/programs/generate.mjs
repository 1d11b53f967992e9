import { cpu } from '@g3/kernels-cpu'
import { loadModel } from '@g3/runtime'
import { bytesSource } from '@g3/runtime/gguf'

// What every host runs, from the published packages: the tokens must be the same in all of them.

const PROMPT = 'The quick brown fox'

/**
 * @param {Uint8Array} bytes of a GGUF
 * @param {import('@g3/kernels-cpu').CpuOptions} [options]
 */
export async function generate(bytes, options) {
  let description = ''
  const model = await loadModel({
    source: bytesSource(bytes, 'tiny.gguf'),
    backend: async () => {
      const backend = await cpu(options)
      description = backend.caps.description
      return backend
    },
  })
  const ids = []
  for await (const { id } of model.generate(PROMPT, { maxTokens: 24, temperature: 0 }))
    if (id !== undefined) ids.push(id)
  await model[Symbol.asyncDispose]()
  return { ids, description }
}
